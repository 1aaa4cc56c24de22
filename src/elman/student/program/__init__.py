"""A student's program: how it is loaded, made, copied and called, and where its weights are."""
