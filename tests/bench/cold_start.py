"""Cold starts of every function, from the packages as they are deployed, under AWS's own runtime client.

    python -m tests.bench.cold_start [--json] [--runs N]

Each run is a new process: its start, the runtime client's first question for an event (everything that importing the
handler imports), the first answer (settings, clients, the calls to AWS and GitHub, which are twins on loopback). The
packages are those of ``slipway build`` for this machine, unpacked as Lambda does it. Their files are in the page cache;
on Lambda they may have to be fetched.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.demo.lambda_host import FunctionSpec, LambdaFunction
from local.demo.packaged import build_and_unpack
from local.packages.unpacked import Unpacked
from tests.deliveries import iso, payload, signed_event
from tests.integration.functions.stage import LABELS, Stage, claim_event, records, role_arn

FUNCTIONS = ("webhook", "scaler", "registrar", "reaper", "redelivery")
RUNS = 15
PEER = {
    "webhook": 251,
    "scaler": 730,
}  # its webhook and its scale-up function, whole process: docs/benchmarks.md
HEAVIEST = 6


class TimedFunction(LambdaFunction):
    """A function that notes when its process was started, first asked for an event, and answered it."""

    def __init__(self, spec: FunctionSpec, log: Path) -> None:
        super().__init__(spec, log)
        self.started = self.asked = self.answered = 0.0
        self.asked_cpu = self.answered_cpu = 0.0

    def __enter__(self) -> TimedFunction:
        self.started = time.perf_counter()
        super().__enter__()
        return self

    def next(self) -> Any:
        """Note the first question."""
        if not self.asked:
            self.asked, self.asked_cpu = time.perf_counter(), self._cpu_seconds()
        return super().next()

    def finish(self, invocation_id: str, body: bytes, *, failed: bool) -> None:
        """Note the first answer."""
        if not self.answered:
            self.answered, self.answered_cpu = time.perf_counter(), self._cpu_seconds()
        super().finish(invocation_id, body, failed=failed)

    def _cpu_seconds(self) -> float:
        """Return what the process had of a processor so far, as Linux tells it."""
        tasks = Path(f"/proc/{self._processes[0].pid}/task").glob("*/schedstat")
        return sum(int(task.read_text("ascii").split()[0]) for task in tasks) / 1e9


@dataclass(slots=True)
class Figures:
    """What was measured of one function, in milliseconds from the start of its process: wall time and CPU."""

    ready: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    ready_cpu: list[float] = field(default_factory=list)
    answered_cpu: list[float] = field(default_factory=list)
    modules: int = 0
    heaviest_ms: dict[str, float] = field(default_factory=dict)

    def add(self, function: TimedFunction) -> None:
        """Add one run."""
        self.ready.append((function.asked - function.started) * 1000)
        self.answered.append((function.answered - function.started) * 1000)
        self.ready_cpu.append(function.asked_cpu * 1000)
        self.answered_cpu.append(function.answered_cpu * 1000)

    def as_json(self) -> dict[str, Any]:
        """Return medians, and the quickest and the slowest."""
        return {
            "runs": len(self.ready),
            "ready_ms": _spread(self.ready),
            "answered_ms": _spread(self.answered),
            "ready_cpu_ms": _spread(self.ready_cpu),
            "answered_cpu_ms": _spread(self.answered_cpu),
            "modules": self.modules,
            "heaviest_import_ms": self.heaviest_ms,
        }


def main(runs: int) -> dict[str, Any]:
    """Measure the packages as they are built, and with bytecode in them; return the figures by name."""
    with (
        tempfile.TemporaryDirectory(prefix="slipway-cold-") as name,
        Stage(Path(name), packages=packages) as stage,
    ):
        assert stage.unpacked
        program = stage.unpacked.interpreter.program
        kinds = {"sources": stage.unpacked, "bytecode": with_bytecode(stage.unpacked)}
        figures = measure(stage, kinds, runs)
        version = subprocess.run([program, "-V"], capture_output=True, text=True, check=True)
        bare = [_process_ms([program, "-S", "-c", "pass"]) for _ in range(runs)]
        return {
            "python": version.stdout.split()[1],
            "cpus": os.cpu_count(),
            "bare_interpreter_ms": _spread(bare),
            **{
                kind: {name: found.as_json() for name, found in of_kind.items()}
                for kind, of_kind in figures.items()
            },
        }


def packages(configuration: Path, folder: Path) -> Unpacked:
    """Build and unpack the packages of a ``slipway.yaml``."""
    return build_and_unpack(configuration, folder, lambda _step: None)


def with_bytecode(code: Unpacked) -> Unpacked:
    """Return the same packages with what ``slipway build --bytecode`` puts into them."""
    folder = code.folder.with_name("bytecode")
    shutil.copytree(code.folder, folder)
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([code.interpreter.program, "-S", *compiling, folder], check=True)
    return Unpacked(folder, code.interpreter)


def measure(stage: Stage, kinds: Mapping[str, Unpacked], runs: int) -> dict[str, dict[str, Figures]]:
    """Measure every function of each kind in turn, round by round, so that noise falls on all alike."""
    events: dict[str, Callable[[], Any]] = {
        "webhook": lambda: webhook_event(stage),
        "scaler": lambda: records(stage.job()),
        "registrar": lambda: claim_event(role_arn(stage.start_tasks(1)[0])),
        "reaper": dict,
        "redelivery": dict,
    }
    figures = {kind: {name: Figures() for name in FUNCTIONS} for kind in kinds}
    for number in range(runs + 1):
        for kind, name in itertools.product(kinds, FUNCTIONS):
            stage.unpacked = kinds[kind]
            found = figures[kind][name]
            if number == 0:  # looks at imports, which makes it slow; and nothing is in the page cache yet
                found.modules, found.heaviest_ms = look_at_imports(stage, name, events[name])
            else:
                found.add(run_once(stage, stage.spec(name), events[name]))
    return figures


def run_once(stage: Stage, spec: FunctionSpec, event: Callable[[], Any]) -> TimedFunction:
    """Answer one event in a new process."""
    content = event()
    stage.keep_time()
    with TimedFunction(spec, stage.folder / "cold.log") as function:
        answer = function.invoke(content)
    stage.keep_time()
    if spec.name in ("webhook", "registrar") and answer["statusCode"] >= 300:
        raise SystemExit(f"{spec.name} answered {answer}")
    if answer.get("batchItemFailures") or answer.get("errors"):
        raise SystemExit(f"{spec.name} answered {answer}; its log is in {stage.folder}")
    return function


def look_at_imports(stage: Stage, name: str, event: Callable[[], Any]) -> tuple[int, dict[str, float]]:
    """Return how many modules one process imported, and the packages that took longest, in milliseconds."""
    spec = stage.spec(name, PYTHONPROFILEIMPORTTIME="1")
    (stage.folder / "cold.log").unlink(missing_ok=True)
    run_once(stage, spec, event)
    modules, taken = 0, Counter[str]()
    for line in (stage.folder / "cold.log").read_text("utf-8").splitlines():
        parts = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and len(parts) == 3 and parts[0].strip().isdigit():
            modules += 1
            root = parts[2].strip().partition(".")[0]
            taken["standard library" if root in sys.stdlib_module_names else root] += int(parts[0])
    return modules, {root: round(us / 1000, 1) for root, us in taken.most_common(HEAVIEST)}


def webhook_event(stage: Stage) -> dict[str, Any]:
    """Return a delivery of a job that is queued now, signed with the deployment's secret."""
    job = {"created_at": iso(time.time()), "labels": list(LABELS)}
    owner = {"login": "alpha", "id": 7}
    repository = {"id": 77, "name": "web", "full_name": "alpha/web", "private": True, "owner": owner}
    body = payload(job=job, repository=repository, organization=owner)
    return signed_event(body, secret=stage.secrets.webhook)


def _process_ms(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - begun) * 1000


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values)),
        "min": round(min(values)),
        "max": round(max(values)),
    }


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    rows = [["Function", "Packages", "Ready", "First answer", "of it CPU", "Modules", "Peer"], ["---"] * 7]
    for name in FUNCTIONS:
        for kind in ("sources", "bytecode"):
            found = figures[kind][name]
            times = [_cell(found[part]) for part in ("ready_ms", "answered_ms", "answered_cpu_ms")]
            rows.append(
                [name, kind, *times, str(found["modules"]), f"{PEER[name]} ms" if name in PEER else ""]
            )
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    for name in FUNCTIONS:
        heaviest = figures["sources"][name]["heaviest_import_ms"]
        lines.append(f"{name}: " + ", ".join(f"{root} {taken}" for root, taken in heaviest.items()))
    return "\n".join(lines)


def _cell(spread: dict[str, float]) -> str:
    return f"{spread['median']} ms ({spread['min']} to {spread['max']})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments, _ = parser.parse_known_args()
    measured = main(arguments.runs)
    if not arguments.json:
        print(table(measured))
    print(json.dumps(measured))
