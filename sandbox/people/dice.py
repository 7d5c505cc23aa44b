"""Columns of seeded chance: the same seed and name give the same numbers in any process."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the numbers of one part of the world; parts do not disturb one another."""
    return np.random.Generator(np.random.PCG64(random.Random(f"{seed}/{name}").getrandbits(128)))


def weighted(rng: np.random.Generator, weights: Sequence[float], size: int) -> NDArray[np.int64]:
    """Return ``size`` positions, each as often as its weight says."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    found = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.asarray(found, dtype=np.int64)


def spread(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return each position as often as its count: [2, 0, 1] gives [0, 0, 2]."""
    return np.asarray(np.repeat(np.arange(len(counts)), counts), dtype=np.int64)


def turns(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each repetition within its position: [2, 0, 1] gives [0, 1, 0]."""
    ends = np.cumsum(counts)
    length = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(length) - np.repeat(ends - counts, counts), dtype=np.int64)
