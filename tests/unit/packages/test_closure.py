"""What a function can import is read from the sources: neither too little, which would break it, nor too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.infrastructure.places import FUNCTIONS
from local.packages.closure import Sources, closure
from local.packages.contents import CORE, ROOT

TREE = {
    "functions/__init__.py": "",
    "functions/one/__init__.py": "",
    "functions/one/handler.py": "import json\nfrom slipway import bootstrap\nbuild = bootstrap.one\n",
    "slipway/__init__.py": "",
    "slipway/bootstrap.py": """
from typing import TYPE_CHECKING
from slipway.base import Base
if TYPE_CHECKING:
    from slipway.typed import Typed
else:
    import slipway.otherwise
def one():
    from slipway.parts import first
    return helper() or Kind()
def helper():
    import slipway.helped
class Kind:
    def method(self):
        from slipway.inside import thing
def two():
    from slipway.parts import second
    import boto3
""",
    "slipway/base.py": "import slipway.bootstrap\n",
    "slipway/typed.py": "",
    "slipway/otherwise.py": "",
    "slipway/helped.py": "def late():\n    from slipway.late import value\n",
    "slipway/late.py": "value = 1\n",
    "slipway/inside.py": "thing = 1\n",
    "slipway/unused.py": "",
    "slipway/parts/__init__.py": "",
    "slipway/parts/first.py": "",
    "slipway/parts/second.py": "import slipway.unused\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Sources:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return Sources(tmp_path)


def test_a_handler_brings_along_what_it_and_its_own_builder_import_at_any_depth(tree: Sources) -> None:
    assert set(closure("functions.one.handler", tree)) == {
        "functions", "functions.one", "functions.one.handler", "slipway", "slipway.bootstrap", "slipway.base",
        "slipway.otherwise", "slipway.parts", "slipway.parts.first", "slipway.helped", "slipway.late", "slipway.inside",
    }  # fmt: skip


def test_another_function_s_builder_and_imports_for_types_alone_stay_out(tree: Sources) -> None:
    found = closure("functions.one.handler", tree)
    assert {"slipway.parts.second", "slipway.unused", "slipway.typed"} & set(found) == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_ours_is_followed_to_its_adapters(name: str) -> None:
    found = set(closure(f"functions.{name}.handler", Sources(ROOT, CORE)))
    uses_boto = "slipway.adapters.aws_clients" in found
    assert uses_boto is (name != "webhook")
    assert "slipway.domain.errors" in found
