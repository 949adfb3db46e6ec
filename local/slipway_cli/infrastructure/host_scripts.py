"""The files of infra/hosts, read from the checkout."""

from __future__ import annotations

from pathlib import Path

from local.slipway_cli.infrastructure.user_data import without_comments

FOLDER = Path(__file__).parents[3] / "infra" / "hosts"
NOT_ON_HOSTS = ("bake.sh", "README.md")


def read(folder: Path = FOLDER) -> dict[str, str]:
    """Return what goes onto every host, by path within the folder and without the lines that only comment."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: without_comments(path.read_text("utf-8"))
        for name, path in files.items()
        if name not in NOT_ON_HOSTS and "__pycache__" not in name and not name.endswith(".pyc")
    }
