"""JSON that two readers could understand differently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain import strict_json
from slipway.domain.errors import MalformedError


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{", "[1,]", "'a'", '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":1,"\\u0061":2}', "NaN", "[NaN]",
        "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "-" + "9" * 33, "0." + "1" * 5000, "[" * 100_000,
        '{"a":' * 100_000, "\ufeff{}", "{}{}", '"\n"', "01", "1.", "0x1",
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_it_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        strict_json.loads(text)
    assert len(str(caught.value)) < 100


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_honest_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json.dumps(value)
    assert strict_json.loads(text) == json.loads(text) == value
