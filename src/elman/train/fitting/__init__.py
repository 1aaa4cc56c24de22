"""A call of `Trainer.fit`: its epochs, on arrays or on an iterable of batches, and what it warns of."""
