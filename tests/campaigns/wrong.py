"""What a case of a campaign does that it should not."""

from __future__ import annotations

__all__ = ["Wrong"]


class Wrong(AssertionError):
    """Says what was seen, and what should have been."""
