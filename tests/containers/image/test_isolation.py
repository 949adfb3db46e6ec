"""The isolation suite, its part that one or two containers can show: a hostile job tries, and does not get it.

Networks, other hosts' services, uid ranges and Docker in jobs are tests/containers/host. What each try is stopped by
stands in docs/security.md.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.containers.image.conftest import GRANT, NewJob
from tests.containers.image.jobs import MEMORY_MIB, PIDS_LIMIT, JobContainer
from tests.integration.runner_image.loopback import SECRET_ACCESS_KEY, SESSION_TOKEN, Answer, ClaimApi

CANARY = "canary-6f1d9c"


@pytest.fixture
def victim(new_job: NewJob) -> JobContainer:
    """Another job on the same host, with a file, a variable, a process, sockets and shared memory of its own."""
    victim = new_job()
    victim.environment["SECRET"] = CANARY
    victim.start_script(
        f"mkdir ~/_work; echo {CANARY} | tee ~/_work/secret /tmp/{CANARY} /dev/shm/{CANARY} >/dev/null\n"
        f"exec -a {CANARY} sleep 300 &\n"
        "python3 - <<'PY' &\n"
        "import socket, time\n"
        f"unix = socket.socket(socket.AF_UNIX); unix.bind('\\0{CANARY}'); unix.listen()\n"
        "tcp = socket.socket(); tcp.bind(('127.0.0.1', 5555)); tcp.listen()\n"
        "print('victim: ready', flush=True)\ntime.sleep(300)\n"
        "PY\n"
        "trap '/bin/echo victim: unharmed; exit 0' TERM\nwhile :; do sleep 0.1; done\n"
    )
    victim.read_until("victim: ready")
    return victim


def unharmed(victim: JobContainer) -> bool:
    """Tell whether the other job still answers, and can still start a process."""
    victim.signal()
    return victim.finish() == 0 and "victim: unharmed\n" in victim.output


def test_a_job_finds_no_file_of_another_job(victim: JobContainer, container: JobContainer) -> None:
    container.start_script(
        f"echo found: $(find / -xdev \\( -name '{CANARY}*' -o -path '*_work/secret' \\) 2>/dev/null | wc -l)\n"
        f"echo read: $(grep -rls {CANARY} /tmp /var/tmp /dev/shm /home /run 2>/dev/null | wc -l)\n"
    )
    assert container.finish() == 0
    assert (container.said("found"), container.said("read")) == ("0", "0")


def test_a_job_sees_no_process_and_no_environment_of_another_job(
    victim: JobContainer, container: JobContainer
) -> None:
    container.start_script(
        f"echo commands: $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^{CANARY}')\n"
        f"echo variables: $(cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c '^SECRET={CANARY}')\n"
        f"echo roots: $(ls /proc/[0-9]*/root/tmp 2>/dev/null | grep -c {CANARY})\n"
    )
    assert container.finish() == 0
    assert [container.said(word) for word in ("commands", "variables", "roots")] == ["0", "0", "0"]


def test_a_job_can_signal_no_process_of_another_job(victim: JobContainer, container: JobContainer) -> None:
    container.start_script("kill -KILL -1 2>/dev/null; echo tried: yes\n")
    assert container.finish() == 0
    assert container.said("tried") == "yes"
    assert unharmed(victim)


def test_a_job_reaches_no_socket_of_another_job(victim: JobContainer, container: JobContainer) -> None:
    container.start_script(
        "python3 - <<'PY'\n"
        "import socket\n"
        f"for family, place in ((socket.AF_UNIX, '\\0{CANARY}'), (socket.AF_INET, ('127.0.0.1', 5555))):\n"
        "    try:\n"
        "        socket.socket(family).connect(place)\n"
        "        print('connected:', place)\n"
        "    except ConnectionRefusedError:\n"
        "        print('refused')\n"
        "PY\n"
    )
    assert container.finish() == 0
    assert container.output == ["refused\n", "refused\n"]


def test_a_job_has_no_capability_and_cannot_gain_one(container: JobContainer) -> None:
    container.start_script("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status\n")
    assert container.finish() == 0
    status = dict(line.split(":\t") for line in container.text.splitlines())
    assert {int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_sudo_is_refused_where_the_profile_has_no_docker(full_image: str, container: JobContainer) -> None:
    container.image = full_image
    container.start_script(
        "grep -c NOPASSWD /etc/sudoers.d/runner 2>/dev/null; sudo -n id; echo code: $?\nid -u\n"
    )
    assert container.finish() == 0
    assert container.said("code") == "1"
    assert "no new privileges" in container.text
    assert container.output[-1] == "1001\n"


def test_no_program_of_the_image_makes_a_job_root(container: JobContainer) -> None:
    container.start_script(
        "su -c id root </dev/null && echo became: root\n"
        "mount -t tmpfs none /mnt && echo became: root\n"
        "chroot / id && echo became: root\n"
        "python3 -c 'import os; os.setuid(0)' && echo became: root\n"
        "echo still: $(id -u)\n"
    )
    assert container.finish() == 0
    assert "became: root" not in container.text
    assert container.said("still") == "1001"


def test_a_job_cannot_read_what_process_1_knows(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(
        api.url,
        "for file in environ mem maps fd/0 root/etc/passwd; do cat /proc/1/$file >/dev/null 2>&1 && echo read: $file; done\n"
        "ls /proc/1/fd >/dev/null 2>&1 && echo read: fd\n"
        "echo url: $(cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c ^SLIPWAY_CLAIM_URL)\n"
        "echo own: $(env | grep -c ^SLIPWAY_CLAIM_URL)\n",
    )
    assert container.finish() == 0
    assert "read: " not in container.text
    assert (container.said("url"), container.said("own")) == ("0", "0")


def test_a_job_cannot_trace_or_hold_process_1(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(
        api.url,
        "python3 - <<'PY'\n"
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for name, request in (('attach', 16), ('seize', 0x4206)):\n"
        "    print(f'{name}:', libc.ptrace(request, 1, 0, 0), ctypes.get_errno())\n"
        "PY\n"
        "kill -STOP 1; kill -KILL 1; echo held: $?\n",
    )
    assert container.finish() == 0
    assert (container.said("attach"), container.said("seize")) == ("-1 1", "-1 1")  # EPERM
    assert container.phase("container_down")["exit_code"] == 0


def test_a_job_cannot_change_what_claims_or_watches_it(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(
        api.url,
        "for file in $(find /opt/slipway) /usr/bin/curl /usr/bin/setpriv; do\n"
        "  [ -w $file ] && echo writable: $file; mv $file $file.x 2>/dev/null && echo moved: $file; done\n"
        "ln -s /tmp /opt/slipway/x 2>/dev/null && echo made: link\necho tried: yes\n",
    )
    assert container.finish() == 0
    assert container.said("tried") == "yes"
    assert not [line for line in container.output if line.startswith(("writable", "moved", "made"))]


def test_no_secret_of_the_claim_is_in_a_jobs_environment_or_on_its_disk(
    api: ClaimApi, container: JobContainer
) -> None:
    secrets = "|".join(
        (SECRET_ACCESS_KEY.replace("+", "\\+"), SESSION_TOKEN[:30].replace("+", "\\+"), GRANT["jit_config"])
    )
    container.start_job(
        api.url,
        f"echo environment: $(env | grep -Ec '{secrets}')\n"
        f"echo disk: $(grep -rEls '{secrets}' /tmp /var /home /opt /run /dev/shm --exclude=job.sh 2>/dev/null | wc -l)\n"
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >/tmp/commands\n"
        f"echo commands: $(grep -Ec '{secrets}' /tmp/commands)\n",
    )
    assert container.finish() == 0
    assert [container.said(word) for word in ("environment", "disk", "commands")] == ["0", "0", "0"]


def test_there_is_no_docker_to_reach(api: ClaimApi, container: JobContainer) -> None:
    container.start_job(
        api.url,
        "docker ps >/dev/null 2>&1 && echo docker: reached\n"
        "find / -xdev -name '*.sock' -type s 2>/dev/null | sed 's/^/socket: /'\ntype -P dockerd containerd runc\necho tried: yes\n",
    )
    assert container.finish() == 0
    assert container.said("tried") == "yes"
    assert not [line for line in container.output if line.startswith(("docker", "socket", "/"))]


KEEPS = "/tmp /var/tmp /dev/shm /run/lock /home/runner /home/runner/_work /home/runner/_diag /home/runner/bin /home/runner/.cache"


def test_a_job_keeps_no_file_for_the_next_one(api: ClaimApi, new_job: NewJob) -> None:
    first, second = new_job(), new_job()
    first.start_job(
        api.url,
        f"for place in {KEEPS}; do mkdir -p $place 2>/dev/null; touch $place/{CANARY} 2>/dev/null && echo kept; done\n",
    )
    assert first.finish() == 0
    assert first.output.count("kept\n") > 5
    api.claims = [Answer(200, GRANT)]
    second.start_job(
        api.url, f"echo found: $(find / -xdev -name {CANARY} 2>/dev/null | wc -l) $(ls /dev/shm | wc -l)\n"
    )
    assert second.finish() == 0
    assert second.said("found") == "0 0"


def test_every_place_that_a_job_can_write_to_is_its_containers_own(
    api: ClaimApi, container: JobContainer
) -> None:
    """No volume and no host folder is shared: what it fills is its own layer, limited only with the pool's disk_quota."""
    container.start_job(
        api.url,
        "while read -r _ _ _ root place options _; do\n"
        "  case $options in ro*) ;; *) [ -d $place ] && [ -w $place ] && echo writable: $place $(stat -f -c %T $place);; esac\n"
        "done </proc/self/mountinfo\necho tried: yes\n",
    )
    assert container.finish() == 0
    kinds = dict(
        line.removeprefix("writable: ").split() for line in container.output if line.startswith("writable: ")
    )
    assert "tried: yes\n" in container.output
    assert {
        place: kind for place, kind in kinds.items() if kind not in ("tmpfs", "overlayfs", "mqueue")
    } == {}
    assert set(kinds) <= {"/dev/shm", "/dev/mqueue", "/run", "/run/lock", "/tmp", "/var/tmp"}


def test_a_fork_bomb_meets_the_pids_limit_and_dies_with_its_container(
    api: ClaimApi, victim: JobContainer, container: JobContainer
) -> None:
    container.start_job(
        api.url,
        "python3 - <<'PY'\n"
        "import os, time\n"
        "made = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0:\n"
        "            os.setsid(); time.sleep(300)\n"
        "        made += 1\n"
        "except BlockingIOError:\n"
        "    print('made:', made, flush=True)\n"
        "PY\n",
    )
    container.finish()
    assert 0 < int(container.said("made")) < PIDS_LIMIT
    assert container.phase("container_down")
    assert unharmed(victim)


def test_a_job_that_fills_its_memory_is_killed_and_its_neighbour_spared(
    api: ClaimApi, victim: JobContainer, container: JobContainer
) -> None:
    container.start_job(
        api.url,
        f"python3 -c 'x = bytearray({MEMORY_MIB + 64} << 20); print(\"filled: all\")'\necho code: $?\n",
    )
    container.finish()
    assert "filled: all\n" not in container.output
    assert container.said("code") == "137"
    assert unharmed(victim)


OUTLIVES = {
    "in a session of its own": "setsid sleep {seconds} &\n",
    "twice forked": "( ( sleep {seconds} & ) & )\n",
    "ignoring every signal": "setsid bash -c \"trap '' TERM INT HUP QUIT USR1; exec sleep {seconds}\" &\n",
    "under another name": "setsid bash -c 'exec -a [kworker/0:1] sleep {seconds}' &\n",
    "holding the log open": "setsid bash -c 'while :; do echo still here; sleep {seconds}; done' &\n",
    "born again when killed": (
        "watch() {{ while :; do setsid sleep {seconds} & wait $!; done; }}\nwatch & disown\nwatch & disown\n"
    ),
}


@pytest.mark.parametrize("way", OUTLIVES.values(), ids=OUTLIVES.keys())
def test_nothing_that_a_job_leaves_running_outlives_its_container(
    api: ClaimApi, container: JobContainer, way: str
) -> None:
    seconds = str(100_000 + abs(hash((way, time.time()))) % 100_000)
    container.start_job(api.url, way.format(seconds=seconds) + "sleep 0.2\n")
    started = time.monotonic()
    assert container.finish() == 0
    assert time.monotonic() - started < 60
    assert not running(seconds)


def running(argument: str) -> list[str]:
    """The machine's processes with that argument: those of a container are seen from outside."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found
