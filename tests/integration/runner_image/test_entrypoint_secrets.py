"""No secret of the entrypoint is where a neighbour, a log or a second claim could use it."""

from __future__ import annotations

import pytest

from tests.integration.runner_image.container import RUNNER_IMAGE, TAKES_A_JOB, Container
from tests.integration.runner_image.loopback import SECRET_ACCESS_KEY, SESSION_TOKEN, Answer, ClaimApi

JIT_CONFIG = "Y2FuYXJ5LWppdC1jb25maWc" * 400
SECRETS = (SECRET_ACCESS_KEY, SESSION_TOKEN, JIT_CONFIG)

SHOWS_ITSELF = r"""
out=${PWD%/*}
tr '\0' '\n' </proc/$$/cmdline >"$out/argv"
tr '\0' '\n' </proc/$PPID/environ >"$out/entrypoint-environ"
tr '\0' '\n' </proc/$PPID/cmdline >"$out/entrypoint-argv"
env >"$out/environ"
pwd >"$out/cwd"
ls /proc/$$/fd >"$out/fds"
[[ $ACTIONS_RUNNER_INPUT_JITCONFIG == "$EXPECTED_JIT" ]] && touch "$out/jit-arrived"
unset ACTIONS_RUNNER_INPUT_JITCONFIG EXPECTED_JIT
"""


@pytest.fixture
def finished(api: ClaimApi, container: Container) -> Container:
    api.claims = [
        Answer(503),
        Answer(200, {"jit_config": JIT_CONFIG, "runner_name": "r-1", "idle_timeout_seconds": 120}),
    ]
    arguments = container.directory / "tools-argv"
    container.wrap_command("curl", f'tr "\\0" "\\n" </proc/$$/cmdline >>{arguments}\nexec "$real" "$@"\n')
    container.environment["EXPECTED_JIT"] = JIT_CONFIG
    container.install_listener(SHOWS_ITSELF + TAKES_A_JOB)
    assert container.run() == 0
    return container


def shown(container: Container, name: str) -> str:
    return (container.directory / name).read_text()


def test_no_secret_is_on_any_command_line(finished: Container) -> None:
    tools = shown(finished, "tools-argv")
    assert tools.count("--aws-sigv4") == 2
    for name in ("tools-argv", "argv", "entrypoint-argv"):
        assert not [secret for secret in SECRETS if secret in shown(finished, name)]


def test_no_secret_is_printed(finished: Container) -> None:
    output = "".join(finished.output)
    assert not [secret for secret in SECRETS if secret in output]


def test_no_secret_touches_the_disk(finished: Container) -> None:
    shown_on_purpose = {"environ", "entrypoint-environ"}
    files = [
        path for path in finished.directory.rglob("*") if path.is_file() and path.name not in shown_on_purpose
    ]
    assert files
    assert not [path for path in files for secret in SECRETS if secret in path.read_text()]


def test_the_listener_gets_its_jit_config_by_environment_alone(finished: Container) -> None:
    assert (finished.directory / "jit-arrived").exists()
    _, program, *arguments = shown(finished, "argv").splitlines()
    assert program.endswith("bin/Runner.Listener")
    assert arguments == ["run"]
    assert shown(finished, "cwd").strip() == str(finished.home)


def test_the_entrypoint_itself_never_carries_the_jit_config_in_its_environment(finished: Container) -> None:
    assert "ACTIONS_RUNNER_INPUT_JITCONFIG" not in shown(finished, "entrypoint-environ")


def test_the_listener_is_told_its_hook_and_its_log_but_not_where_to_claim(
    api: ClaimApi, finished: Container
) -> None:
    environment = dict(line.split("=", 1) for line in shown(finished, "environ").splitlines() if "=" in line)
    assert environment["ACTIONS_RUNNER_HOOK_JOB_STARTED"] == str(RUNNER_IMAGE / "hooks" / "job-started.sh")
    assert environment["ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT"] == "1"
    assert environment["ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE"] == "1"
    assert environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"{api.url}/v2/credentials/id"
    ours = {name for name in environment if name.startswith("SLIPWAY_")}
    assert ours == {
        "SLIPWAY_DOCKER_LABELS",
        "SLIPWAY_ENTRYPOINT_PID",
        "SLIPWAY_JOB_MARKER",
        "SLIPWAY_PHASE_TIMES",
        "SLIPWAY_POOL",
        "SLIPWAY_PROFILE",
    }
    assert api.url not in {environment[name] for name in ours}


def test_the_listener_inherits_no_pipe_of_the_entrypoint(finished: Container) -> None:
    assert [int(fd) for fd in shown(finished, "fds").split() if 2 < int(fd) < 255] == []
