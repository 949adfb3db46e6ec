"""What the built image has, and how a container of it starts and ends."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.containers.images import RUNNER_IMAGE
from local.containers.podman import Podman
from tests.containers.image.conftest import NewJob
from tests.containers.image.jobs import JobContainer
from tests.integration.runner_image.loopback import ClaimApi


def test_a_job_finds_its_user_its_tools_and_a_writable_home(container: JobContainer) -> None:
    container.start_script(
        "echo user: $(id -un) $(id -u) $(id -Gn)\necho home: $HOME $(stat -c %U $HOME)\ntouch $HOME/x && echo writable: yes\n"
        "for tool in git 'git lfs' curl jq unzip docker 'docker buildx' not-there; do "
        "{ $tool --version || $tool version || { [[ $tool == unzip ]] && unzip -v; }; } &>/dev/null && echo has: $tool; "
        "done; true\n"
    )
    assert container.finish() == 0, container.text
    assert container.said("user") == "runner 1001 runner docker"
    assert container.said("home") == "/home/runner runner"
    assert container.said("writable") == "yes"
    has = [line.removeprefix("has: ").strip() for line in container.output if line.startswith("has: ")]
    assert has == ["git", "git lfs", "curl", "jq", "unzip", "docker", "docker buildx"]


def test_a_container_runs_its_job_and_ends_with_it(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(api.url, "echo did: the work\n")
    assert container.finish() == 0
    assert container.said("did") == "the work"
    assert [phase["phase"] for phase in container.phases()] == [
        *("container_up", "claim_asked", "claim_answered", "listener_started"),
        *("job_started", "job_ended", "listener_ended", "container_down"),
    ]
    assert "Slipway: profile medium, pool general" in container.text


def test_a_container_without_settings_says_what_is_missing_and_claims_nothing(
    podman: Podman, image: str, api: ClaimApi
) -> None:
    done = podman.run("run", "--rm", "--network=none", image, check=False)
    assert done.returncode == 10
    assert done.stdout.count("SLIPWAY_CLAIM_URL") == 1
    assert api.received == []


def test_a_container_says_by_its_exit_code_that_its_disk_is_full(
    api: ClaimApi, container: JobContainer
) -> None:
    """The home lies on a small disk that something filled before the claim."""
    container.flags += ("--tmpfs=/small:size=64k,mode=1777", "--entrypoint=/bin/bash")
    container.environment["RUNNER_HOME"] = "/small"
    fills = "mkdir /small/bin && cp /bin/true /small/bin/Runner.Listener; cat /dev/zero >/small/fill; "
    container.command = ("-c", f"{fills}exec /opt/slipway/bash /opt/slipway/entrypoint.sh")
    container.start_job(api.url, "")
    assert container.finish() == 10
    assert "its disk is full" in container.phase("misconfigured")["faults"][-1]
    assert api.asked("claim") == 0


def test_a_garbage_jit_config_ends_with_its_code_and_the_registration_given_back(
    api: ClaimApi, container: JobContainer
) -> None:
    """The listener of the image itself, the twin's, reads it."""
    container.start_job(
        api.url, "", listener=(RUNNER_IMAGE.parent / "local/twin/listener/bin/Runner.Listener").read_text()
    )
    assert container.finish() == 20
    assert "The JIT config is not valid." in container.text
    assert (api.asked("claim"), api.asked("release")) == (1, 1)


def test_a_job_that_kills_its_listener_ends_its_container(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(api.url, "kill -KILL $PPID\nsleep 300\n")
    assert container.finish() == 23
    assert container.phase("listener_ended")["code"] == 137
    assert api.asked("claim") == 1


IDLES = (
    "#!/usr/bin/env bash\ntrap 'echo saw: SIGINT; exit 0' INT\necho listening\nwhile :; do sleep 0.05; done\n"
)


def test_an_idle_container_that_is_stopped_releases_its_registration(
    api: ClaimApi, container: JobContainer, record_property: Callable[[str, object], None]
) -> None:
    container.start_job(api.url, "", listener=IDLES)
    container.read_until("listening")
    container.signal()
    assert container.finish() == 0
    names = [phase["phase"] for phase in container.phases()]
    assert names[4:] == [
        *(
            "stop_asked",
            "release_asked",
            "released",
            "listener_interrupted",
            "listener_ended",
            "container_down",
        )
    ]
    assert container.said("saw") == "SIGINT"
    record_property("milliseconds_to_release", milliseconds(container, "stop_asked", "released"))
    record_property("milliseconds_to_end", milliseconds(container, "stop_asked", "container_down"))


WINDS_UP = (
    "#!/usr/bin/env bash\n"
    "trap 'sleep 2; echo job: wound up; exit 0' INT\n"  # before it says that it has begun: then it is stopped
    "bash -e $ACTIONS_RUNNER_HOOK_JOB_STARTED\n"
    "while :; do sleep 0.05; done\n"
)


def test_a_busy_container_that_is_stopped_leaves_its_job_the_time_to_wind_up(
    api: ClaimApi, container: JobContainer, record_property: Callable[[str, object], None]
) -> None:
    container.start_job(api.url, "", listener=WINDS_UP)
    container.read_until('"job_started"')
    container.signal()
    assert container.finish() == 0
    assert container.said("job") == "wound up"
    assert api.asked("release") == 0
    record_property("milliseconds_to_end", milliseconds(container, "stop_asked", "container_down"))


def milliseconds(container: JobContainer, first: str, second: str) -> int:
    times = [dt.datetime.fromisoformat(container.phase(name)["time"]) for name in (first, second)]
    return round((times[1] - times[0]).total_seconds() * 1000)


def test_an_extended_image_trusts_the_authority_of_a_server_of_ones_own(
    podman: Podman, image: str, new_job: NewJob, tmp_path: Path
) -> None:
    name = f"{image.replace('runner-slim', 'runner-ghes')}"
    shutil.copy(RUNNER_IMAGE / "examples" / "ghes.Dockerfile", tmp_path)
    (tmp_path / "own.crt").write_text(certificate())
    podman.run(
        *("build", "--quiet", "--pull=never", "--network=none", f"--build-arg=RUNNER_IMAGE={image}"),
        *("--file", str(tmp_path / "ghes.Dockerfile"), "--tag", name, str(tmp_path)),
    )
    extended = new_job()
    extended.image = name
    extended.start_script(
        "echo system: $(openssl verify /usr/local/share/ca-certificates/slipway/own.crt)\n"
        "echo node: $(grep -c BEGIN /opt/slipway/extra-certificates.pem)\necho user: $(id -un)\n"
    )
    assert extended.finish() == 0
    assert extended.said("system").endswith(": OK")
    assert extended.said("node") == "1"
    assert extended.said("user") == "runner"


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of ones own")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1)
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
