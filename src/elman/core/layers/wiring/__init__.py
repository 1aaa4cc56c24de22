"""How layers are bound into a network: what each is called and reads, and where its parameters lie in theta."""
