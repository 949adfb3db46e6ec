"""The files of infra/hosts, read from the checkout."""

from __future__ import annotations

from pathlib import Path

from local.infrastructure.user_data import without_comments

FOLDER = Path(__file__).parents[2] / "infra" / "hosts"
ON_HOSTS = {".conf", ".json", ".nft", ".py", ".service", ".sh", ".timer"}
NOT_ON_HOSTS = {"bake.sh", "fill_git_cache.sh"}


def read(folder: Path = FOLDER) -> dict[str, str]:
    """Return what goes onto every host, by path within the folder and without the lines that only comment."""
    files = [path for path in (*folder.iterdir(), *(folder / "units").iterdir()) if path.suffix in ON_HOSTS]
    return {
        str(path.relative_to(folder)): without_comments(path.read_text("utf-8"))
        for path in files
        if path.name not in NOT_ON_HOSTS
    }
