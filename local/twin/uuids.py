"""Random UUIDs from a seeded source, without an object for each: a simulated day draws more than a hundred thousand."""

from __future__ import annotations

import random


def random_uuid(rng: random.Random) -> str:
    """Return the text of a UUID of version 4, as ``uuid.UUID(int=rng.getrandbits(128), version=4)`` would be."""
    number = rng.getrandbits(128)
    number = number & ~(0xC000 << 48) | 0x8000 << 48  # the variant
    number = number & ~(0xF000 << 64) | 4 << 76  # the version
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
