"""The options of `elman train`, one file a command that has many of its own."""
