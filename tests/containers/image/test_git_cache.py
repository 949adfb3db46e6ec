"""The Git cache of a host: a job fetches and checks out what lies there without asking GitHub for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.containers.podman import Podman

SCRIPT = Path(__file__).parents[3] / "infra" / "hosts" / "fill_git_cache.sh"
BULK_KIB = 2_048
# A repository with a large file and one in LFS, as its server has it.
A_SERVER = f"""
set -eu
git init --quiet --bare --initial-branch=main /srv/origin.git
git clone --quiet file:///srv/origin.git /tmp/work 2>/dev/null
cd /tmp/work
git config user.name someone; git config user.email someone@example.com
git lfs install --local >/dev/null; git lfs track '*.asset' >/dev/null
head -c {BULK_KIB * 1024} /dev/urandom >large; head -c 300000 /dev/urandom >picture.asset
git add . ; git commit --quiet -m first; git push --quiet origin HEAD:main
"""
# As actions/checkout does it: an empty repository, one commit deep. The server's folder is another user's, which git
# minds where it is reached as a file.
A_CHECKOUT = """
set -eu
export HOME=/tmp; git config --global safe.directory /srv/origin.git
git init --quiet /tmp/work; cd /tmp/work
git remote add origin file:///srv/origin.git
git lfs install --local --skip-smudge >/dev/null
git fetch --quiet --depth=1 origin main
git checkout --quiet FETCH_HEAD
du -sk .git/objects | cut -f1
"""


@pytest.fixture(scope="module")
def places(podman: Podman, image: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return where a server's repositories lie, and a cache that was filled from them; LFS is lost at the server."""
    root = tmp_path_factory.mktemp("git")
    server, cache = root / "srv", root / "cache"
    for folder in (root, server, cache):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    mounts = [f"--volume={server}:/srv", f"--volume={cache}:/cache", f"--volume={SCRIPT}:/fill:ro"]
    fill = f"{A_SERVER}\nSLIPWAY_GIT_CACHE=/cache /fill file:///srv/origin.git\nrm -r /srv/origin.git/lfs"
    podman.run("run", "--rm", "--user=0", "--network=none", *mounts, "--entrypoint=bash", image, "-c", fill)
    return str(server), str(cache)


def _job(
    podman: Podman, image: str, places: tuple[str, str], script: str, *, cached: bool
) -> tuple[int, str]:
    server, cache = places
    with_cache = [
        f"--volume={cache}:/opt/git-cache:ro",
        "--env=GIT_ALTERNATE_OBJECT_DIRECTORIES=/opt/git-cache/objects",
    ]
    done = podman.run(
        *("run", "--rm", "--network=none", f"--volume={server}:/srv:ro", *(with_cache if cached else [])),
        *("--entrypoint=bash", image, "-c", script),
        check=False,
    )
    return done.returncode, done.stdout


def test_a_checkout_fetches_next_to_nothing_that_the_cache_has(
    podman: Podman, image: str, places: tuple[str, str]
) -> None:
    code, stored_kib = _job(podman, image, places, A_CHECKOUT, cached=True)
    assert (code, int(stored_kib) < BULK_KIB // 10) == (0, True), stored_kib
    code, stored_kib = _job(podman, image, places, A_CHECKOUT, cached=False)
    assert (code, int(stored_kib) >= BULK_KIB) == (0, True), stored_kib


def test_lfs_objects_come_from_the_cache_even_where_the_server_has_lost_them(
    podman: Podman, image: str, places: tuple[str, str]
) -> None:
    script = f"{A_CHECKOUT}\ngit lfs pull && stat --format=%s picture.asset"
    code, said = _job(podman, image, places, script, cached=True)
    assert (code, said.split()[-1]) == (0, "300000")
    assert _job(podman, image, places, script, cached=False)[0] != 0


def test_a_job_cannot_write_into_the_cache(podman: Podman, image: str, places: tuple[str, str]) -> None:
    script = f"{A_CHECKOUT}\ntouch /opt/git-cache/objects/x || echo refused"
    assert _job(podman, image, places, script, cached=True)[1].split()[-1] == "refused"
