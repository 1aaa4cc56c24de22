"""Which mistake a wrong gradient shows: known cells written wrongly, and the one that a student's gradient equals."""

from elman.student.mistakes.loop import Exercise, distance, gradients, states

__all__ = ["Exercise", "distance", "gradients", "states"]
