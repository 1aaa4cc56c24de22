"""Who computes: the reference in NumPy, the compiled engine, and one around either for a user's own loss."""
