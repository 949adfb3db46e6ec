"""What a job used, in the line that tells its end: by its cgroup's files, as a process that writes them meanwhile."""

from __future__ import annotations

import pytest

from tests.integration.runner_image.container import TAKES_A_JOB, Container
from tests.integration.runner_image.loopback import Answer, ClaimApi

MIB = 1 << 20
ENDS_ITS_JOB = 'bash -e "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"\n'
MEMBERS = {"cpu_ms", "cpu_peak_units", "memory_peak_mib", "memory_most_mib"}


@pytest.fixture(autouse=True)
def _grants_a_runner(api: ClaimApi) -> None:
    body = {"jit_config": "QQ==", "runner_name": "r-1", "idle_timeout_seconds": 3600}
    api.claims, api.releases = [Answer(200, body)], [Answer(200)]


def job_ended(container: Container) -> dict[str, int]:
    [line] = [phase for phase in container.phases() if phase["phase"] == "job_ended"]
    return {name: value for name, value in line.items() if name in MEMBERS}


def test_a_job_that_ended_says_what_its_cgroup_told(container: Container) -> None:
    cgroup = container.fake_cgroup()
    (cgroup / "cpu.stat").write_text("usage_usec 1000000\n")
    (cgroup / "memory.current").write_text(f"{300 * MIB}\n")
    (cgroup / "memory.stat").write_text(f"anon 1\ninactive_file {100 * MIB}\n")
    (cgroup / "memory.peak").write_text(f"{900 * MIB}\n")
    works = f"echo usage_usec 3500000 >{cgroup}/cpu.stat\necho {700 * MIB} >{cgroup}/memory.current\n"
    # The line that tells the beginning is read first: only then does the job work.
    wait = f"until [[ -e {container.directory}/go ]]; do sleep 0.01; done\n"
    container.install_listener(TAKES_A_JOB + wait + works + ENDS_ITS_JOB)
    container.start()
    container.read_until('"job_started"')
    (container.directory / "go").touch()
    assert container.finish() == 0
    told = job_ended(container)
    assert told.pop("cpu_peak_units") > 0
    assert told == {"cpu_ms": 2500, "memory_peak_mib": 600, "memory_most_mib": 900}


def test_where_the_kernel_tells_nothing_the_line_is_as_it_was(container: Container) -> None:
    container.fake_cgroup()
    container.install_listener(TAKES_A_JOB + ENDS_ITS_JOB)
    assert container.run() == 0
    assert job_ended(container) == {}


def test_lies_of_a_job_that_is_root_there_break_no_line(container: Container) -> None:
    cgroup = container.fake_cgroup()
    for name in ("cpu.stat", "memory.current", "memory.stat", "memory.peak"):
        (cgroup / name).write_text('usage_usec 1,"phase":"container_down"\n')
    container.install_listener(TAKES_A_JOB + ENDS_ITS_JOB)
    assert container.run() == 0
    assert job_ended(container) == {}
