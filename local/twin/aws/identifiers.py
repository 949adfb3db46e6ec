"""Ids in the shapes that AWS uses, drawn from a seeded source so that a run can be repeated."""

from __future__ import annotations

import random
import string

from local.twin.uuids import random_uuid

_BASE32 = string.ascii_uppercase + "234567"


class Identifiers:
    """One stream of ids for a whole account."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def hex(self, digits: int) -> str:
        return f"{self._rng.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        return random_uuid(self._rng)

    def prefixed(self, prefix: str) -> str:
        """An EC2-style id, as `i-0123456789abcdef0`."""
        return f"{prefix}-{self.hex(17)}"

    def access_key_id(self) -> str:
        """A temporary key id; those begin with ASIA."""
        return "ASIA" + "".join(self._rng.choices(_BASE32, k=16))

    def secret(self, length: int) -> str:
        return "".join(self._rng.choices(string.ascii_letters + string.digits, k=length))
