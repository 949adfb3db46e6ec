"""What several processes share of the folder in which podman keeps everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.containers.imitated_host import boot
from local.containers.podman import CONTAINERS_CONF, Podman
from local.infrastructure.user_data import HostSettings

# Podman's stand-in: has every image, and tells of each `run` whether others are kept out meanwhile.
STAND_IN = """#!/bin/sh
case " $* " in
  *" run "*) flock --nonblock "$FOLDER/lock" true && echo free >>"$FOLDER/runs" || echo locked >>"$FOLDER/runs" ;;
esac
"""


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Podman:
    folder, program = tmp_path / "kept", tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(STAND_IN, "ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("FOLDER", str(folder))
    return Podman(folder)


def test_podmans_configuration_is_there_whole_or_not_at_all(
    podman: Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str, encoding: str) -> int:
        path.write_bytes(text.encode(encoding)[:20])
        raise OSError("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            podman.environment()
    configuration = Path(podman.environment()["CONTAINERS_CONF"])
    assert configuration.read_text("utf-8") == CONTAINERS_CONF


def test_no_host_is_taken_away_while_another_starts(podman: Podman) -> None:
    """The last that goes puts the machine's settings back: a host that had just noted them would lose its own."""
    boot(podman, HostSettings(cluster="slipway-general", pool="general", docker="nested"))
    assert (podman.folder / "runs").read_text("ascii") == "locked\n"
