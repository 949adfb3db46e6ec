"""The vendor layer: what is left out of it, and what is told when it cannot be installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.packages import vendor
from local.packages.bytecode import version_of
from local.packages.faults import BuildError
from local.packages.vendor import LAMBDA, is_wanted, versions_of


@pytest.mark.parametrize(
    "path",
    [
        "httpx/_client.py", "cryptography/hazmat/bindings/_rust.abi3.so", "certifi/cacert.pem", "tzdata/zones", "six.py",
        "tzdata/zoneinfo/Asia/Tokyo", "httpx-0.28.1.dist-info/METADATA", "httpx-0.28.1.dist-info/licenses/LICENSE.md",
        "boto-1.dist-info/NOTICE", "h11/py.typed", "click/testing.py",
    ],
)  # fmt: skip
def test_what_functions_import_or_read_stays_and_so_do_licences(path: str) -> None:
    assert is_wanted(Path(path))


@pytest.mark.parametrize(
    "path",
    [
        ".lock", "bin/httpx", "certifi/tests/test_certify.py", "h11/__pycache__/_state.cpython-311.pyc", "cffi/_cffi_include.h",
        "cryptography/hazmat/bindings/_rust/x509.pyi", "httpx-0.28.1.dist-info/RECORD", "a-1.dist-info/INSTALLER",
        "a-1.dist-info/direct_url.json", "a-1.dist-info/REQUESTED", "a-1.dist-info/WHEEL", "a-1.dist-info/sboms/x.json",
    ],
)  # fmt: skip
def test_what_tells_of_the_machine_that_built_it_or_is_never_imported_goes(path: str) -> None:
    assert not is_wanted(Path(path))


def test_the_layer_tells_what_is_in_it() -> None:
    layer = {
        "python/httpx/_client.py": b"", "python/httpx-0.28.1.dist-info/METADATA": b"",
        "python/python_dateutil-2.9.0.post0.dist-info/METADATA": b"",
    }  # fmt: skip
    assert versions_of(layer) == {"httpx": "0.28.1", "python-dateutil": "2.9.0.post0"}


def test_when_neither_installer_can_both_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(
        "httpx==0.28.1\n", "ascii"
    )  # no hash, which both refuse before they look anywhere
    monkeypatch.setattr(vendor, "REQUIREMENTS", requirements)
    with pytest.raises(BuildError) as caught:
        vendor.vendor_layer(LAMBDA)
    first, *told = str(caught.value).splitlines()
    assert first == "the vendor layer cannot be installed"
    assert [line.split(":")[0] for line in told if line.startswith(("uv:", "pip:"))] == ["uv", "pip"]
    assert "hash" in str(caught.value)


def test_what_is_no_python_compiles_nothing(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be run"):
        version_of(tmp_path / "none")
    with pytest.raises(BuildError, match="is no Python"):
        version_of(Path("/bin/true"))
