"""Sequences with labels: tables read as sequences."""

from __future__ import annotations

from elman.sequence.tables.reading import Sequences, sequences

__all__ = ["Sequences", "sequences"]
