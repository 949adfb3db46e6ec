"""UUIDs as the standard library would write them."""

from __future__ import annotations

import random
import uuid

from local.twin.uuids import random_uuid


def test_a_uuid_is_the_one_that_the_standard_library_would_make() -> None:
    ours, theirs = random.Random(7), random.Random(7)
    for _ in range(1_000):
        assert random_uuid(ours) == str(uuid.UUID(int=theirs.getrandbits(128), version=4))
