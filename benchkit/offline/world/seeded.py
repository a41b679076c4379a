"""Randomness that can be repeated: a draw depends on what is named, not on time, order or process."""

from __future__ import annotations

import random
from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist

from scipy.special import betaincinv

SPREAD = 8.0  # a case's own quality is Beta(p·SPREAD, (1-p)·SPREAD): mean p, variance p(1-p)/(SPREAD+1)
SHARED = 0.5  # squared correlation of two models' qualities on a case: hard cases are hard for both


def digest(*parts: object) -> int:
    """64 bits that depend on the parts and their order, the same in every process."""
    text = "\x1f".join(map(str, parts))
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_bytes(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def seeded(*parts: object) -> random.Random:
    """A random generator that is seeded by the parts alone."""
    return random.Random(digest(*parts))


@lru_cache(maxsize=65536)
def case_quality(p: float, model: str, case: int, what: str) -> float:
    """The model's probability on this one case, 0..1: fixed for (model, case), with mean `p` over cases."""
    if not 0.0 < p < 1.0:
        return p
    difficulty = seeded("difficulty", case, what).gauss(0.0, 1.0)
    own = seeded("difficulty", case, what, model).gauss(0.0, 1.0)
    u = NormalDist().cdf(SHARED**0.5 * difficulty + (1.0 - SHARED) ** 0.5 * own)
    return float(betaincinv(p * SPREAD, (1.0 - p) * SPREAD, u))
