"""Counter-based draws (Philox 4x32-10, Salmon et al. 2011): a number is a pure function of where it is used.

The key is (seed, update); a draw's place is (layer, direction, site, row, step, unit). So the same update draws the
same numbers on any engine, on any number of threads, and when it is computed again.

One turn of the generator gives four words: for H units, Q = ceil(H / 4), turn b gives those of the units b, b + Q,
b + 2Q, b + 3Q. Its counter is (b + 2^16 (16 layer + 8 direction + site), step, row, update), each modulo 2^32; its key
is the seed's two halves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["DrawPlace", "Draws"]

SITES = {"dropout": 0, "recurrent_dropout": 1, "zoneout_h": 2, "zoneout_c": 3, "noise": 4, "sample": 5}
BITS = 24  # of a word that are used: what float32 holds exactly
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class DrawPlace(NamedTuple):
    """The layer and the direction that use a draw."""

    layer: int
    direction: int


class Draws:
    """Makes all draws of one update for some rows; rows (B,) are their indices in the data."""

    def __init__(self, seed: int, update: int, rows: np.ndarray) -> None:
        self._key, self._update, self._rows = seed, update, rows

    def bits(self, place: DrawPlace, site: str, step: int, units: int) -> np.ndarray:
        """Returns whole numbers in [0, 2^24), (B, units)."""
        quarter = -(-units // 4)
        turns = np.arange(quarter) + ((16 * place.layer + 8 * place.direction + SITES[site]) << 16)
        counter = [turns[None, :], step, self._rows[:, None], self._update]
        words = [np.broadcast_to(np.asarray(c).astype(np.uint64) & _LOW, (len(self._rows), quarter)) for c in counter]
        key = [self._key & 0xFFFFFFFF, self._key >> 32 & 0xFFFFFFFF]
        for _ in range(10):
            a, b = words[0] * _MULTIPLIERS[0], words[2] * _MULTIPLIERS[1]
            words = [(b >> _HALF) ^ words[1] ^ np.uint64(key[0]), b & _LOW,
                     (a >> _HALF) ^ words[3] ^ np.uint64(key[1]), a & _LOW]  # fmt: skip
            key = [(k + w) & 0xFFFFFFFF for k, w in zip(key, _WEYL, strict=True)]
        return (np.concatenate(words, axis=1)[:, :units] >> np.uint64(32 - BITS)).astype(np.int64)

    def chosen(self, place: DrawPlace, site: str, step: int, units: int, probability: float) -> np.ndarray:
        """Returns True with this probability (rounded up to a multiple of 2^-24) for each unit, (B, units)."""
        return self.bits(place, site, step, units) < threshold(probability)

    def mask(self, place: DrawPlace, site: str, step: int, units: int, rate: float, dtype: np.dtype[Any]) -> np.ndarray:
        """Returns 0 with probability `rate`, else 1 / (1 - rate), so that the mean is 1; (B, units)."""
        dropped = self.chosen(place, site, step, units, rate)
        return np.where(dropped, dtype.type(0), dtype.type(1 / (1 - rate)))

    def normal(self, place: DrawPlace, site: str, step: int, units: int, dtype: np.dtype[Any]) -> np.ndarray:
        """Returns standard normal numbers, (B, units), two from each radius and angle (Box and Muller 1958).

        sqrt(-2 log u) cos(a) and sqrt(-2 log u) sin(a), u in (0, 1], a in (-pi, pi), for the units j and half + j,
        whose bits give u and a; half = 2 ceil(units / 4).
        """
        half = 2 * -(-units // 4)
        bits = self.bits(place, site, step, 2 * half)
        radius = np.sqrt(-2 * np.log((bits[:, :half] + 1).astype(dtype) / dtype.type(2**BITS)))
        angle = dtype.type(np.pi) * ((2 * bits[:, half:] + 1 - 2**BITS).astype(dtype) / dtype.type(2**BITS))
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :units]


def threshold(probability: float) -> int:
    """Returns the bound below which a whole number in [0, 2^24) counts as chosen."""
    return int(np.ceil(probability * 2**BITS))
