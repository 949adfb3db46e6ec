"""What the calls would have cost, for benchmarks [DDB-CAPACITY]."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Usage:
    """Counts since the last reset. Units are DynamoDB's read and write units, sizes are bytes."""

    read_units: float = 0.0
    write_units: float = 0.0
    items_read: int = 0
    items_written: int = 0
    largest_item: int = 0
    largest_key: str = ""  #: partition and sort key of the largest item
    conditions_failed: int = 0
    units_by_operation: Counter[str] = field(default_factory=Counter)

    def read(self, operation: str, size: int, items: int, *, is_consistent: bool) -> float:
        """Charge one read of `size` bytes in all; answers its units."""
        units = max(1, math.ceil(size / 4096)) * (1.0 if is_consistent else 0.5)
        self.read_units += units
        self.items_read += items
        self.units_by_operation[operation] += units  # type: ignore[assignment]
        return units

    def write(
        self, operation: str, size: int, key: tuple[object, ...], *, is_transaction: bool = False
    ) -> float:
        """Charge one write of an item of `size` bytes, the larger of before and after."""
        units = max(1, math.ceil(size / 1024)) * (2.0 if is_transaction else 1.0)
        self.write_units += units
        self.items_written += 1
        if size > self.largest_item:
            self.largest_item, self.largest_key = size, "/".join(map(str, key))
        self.units_by_operation[operation] += units  # type: ignore[assignment]
        return units
