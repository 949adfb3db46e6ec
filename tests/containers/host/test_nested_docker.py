"""Docker really works in a job of `docker: nested`: as the runner's user, in a container that is nobody on its host."""

from __future__ import annotations

import re

from local.containers.imitated_host import ImitatedHost
from tests.containers.host.shapes import NESTED, Job, job

COMPOSE = """
services:
  web:
    stop_grace_period: 0s
    image: tiny
    command: ["httpd", "-f", "-p", "80", "-h", "/www"]
  asking:
    image: tiny
    depends_on: [web]
    command: ["sh", "-c", "for i in 1 2 3 4 5; do wget -q -O - http://web/ && exit 0; sleep 1; done; exit 1"]
"""


def test_docker_run_works(nested: Job) -> None:
    assert nested.shell("docker run --rm tiny echo from inside").stdout == "from inside\n"


def test_nested_docker_services_on_localhost(nested: Job) -> None:
    """As the runner does for `services:`: a network, a published port, and the job asks localhost."""
    said = nested.shell("""
        docker network create github_network >/dev/null
        docker run -d --name service --network github_network --network-alias web -p 6379:80 tiny httpd -f -h /www >/dev/null
        curl -sf --retry 20 --retry-delay 0 --retry-all-errors http://localhost:6379/
        curl -sf http://127.0.0.1:6379/
        docker run --rm --network github_network tiny wget -q -O - http://web/
        docker rm -f service >/dev/null && docker network rm github_network >/dev/null
    """).stdout
    assert said == "served\n" * 3


def test_a_docker_build_runs_commands_copies_and_changes_owners(nested: Job) -> None:
    said = nested.shell("""
        mkdir -p /tmp/build && cd /tmp/build && echo copied >file
        printf 'FROM tiny\\nCOPY --chown=1234:1234 file /file\\nRUN id -u >/made && ls -ln /file >>/made\\n' >Dockerfile
        docker build -q -t built . >/dev/null && docker run --rm built cat /made
    """).stdout
    assert said.startswith("0\n")
    assert "1234     1234" in said


def test_buildx_builds(nested: Job) -> None:
    said = nested.shell("""
        cd /tmp/build 2>/dev/null || { mkdir -p /tmp/build && cd /tmp/build; }
        printf 'FROM tiny\\nRUN echo by buildx >/made\\n' >Dockerfile.x
        docker buildx build -q --load -f Dockerfile.x -t builtx . >/dev/null && docker run --rm builtx cat /made
    """).stdout
    assert said == "by buildx\n"


def test_compose_runs_two_services_that_find_each_other(nested: Job) -> None:
    done = nested.shell(f"""
        mkdir -p /tmp/compose && cd /tmp/compose && cat >compose.yaml <<'END'
{COMPOSE}
END
        docker compose up --quiet-pull --exit-code-from asking 2>&1
    """)
    assert re.search(r"asking-1\s+\| served", done.stdout), done.stdout


def test_a_privileged_inner_container_is_privileged_over_the_job_alone(nested: Job) -> None:
    """What the buildx docker-container driver and kind need."""
    said = nested.shell(
        "docker run --rm --privileged tiny sh -c 'mkdir /m && mount -t tmpfs none /m && echo mounted'"
    ).stdout
    assert said == "mounted\n"


def test_dockerd_starts_beside_the_claim_and_is_waited_for(nested: Job) -> None:
    said = nested.logs()
    started, ready = (int(re.search(rf"{word} after (\d+) ms", said)[1]) for word in ("started", "ready"))  # type: ignore[index]
    assert started < ready, said
    assert "not yet\n" in said  # it returned before there was a Docker, which then came


def test_a_docker_that_dies_is_said_at_once_with_the_end_of_its_log(host: ImitatedHost, image: str) -> None:
    script = """
        source /opt/slipway/lib/clock.sh; source /opt/slipway/lib/docker.sh; time_scale=1
        start_docker not-an-address; await_docker || { echo "exit 24"; exit 24; }
    """
    with job(host, image, NESTED, script) as broken:
        code = host.docker("wait", broken.container_id).stdout.strip()
        said = broken.logs()
    assert code == "24"
    assert "not-an-address" in said or "invalid mirror" in said, said


def test_nested_root_is_not_host_root(host: ImitatedHost, nested: Job) -> None:
    of_the_host = host.run("cat", f"/proc/{nested.pid}/uid_map").stdout.split()
    assert of_the_host == ["0", "165536", "65536"]
    owner = host.run("stat", "--format=%u", f"/proc/{nested.pid}").stdout.strip()
    assert owner == "165536"


def test_the_containers_of_a_job_are_invisible_on_its_host(host: ImitatedHost, nested: Job) -> None:
    nested.shell("docker run -d --name hidden tiny sleep 30 >/dev/null")
    assert "hidden" not in host.docker("ps", "--all", "--format={{.Names}}").stdout
    nested.shell("docker rm -f hidden >/dev/null")
