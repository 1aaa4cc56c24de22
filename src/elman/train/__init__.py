"""Training: updates and epochs, checkpoints, histories, callbacks, and what went wrong."""
