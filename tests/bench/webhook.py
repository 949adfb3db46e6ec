"""The webhook, cold and warm, against a loopback AWS in another process.

    python -m tests.bench.webhook [--json]

What is measured is what is deployed: the handler, the modules of ours that it really imports and a compiled
configuration of 20 KB are zipped, unpacked elsewhere, and run there by the interpreter without the virtual
environment. Cold is the whole life of a process: start, import, first event queued, end.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deliveries import SECRETS, compiled, payload, signed_event

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers/core/python"
COLD_RUNS = 20
WARM_RUNS = 500
CONFIGURATION_BYTES = 20_000
# Without the virtual environment and without site: its .pth files are this machine's, not Lambda's.
PYTHON = [getattr(sys, "_base_executable", sys.executable), "-S"]

# Reads events, one a line; the first is the cold one. Prints what a table needs.
CHILD = """
import sys, time
start = time.perf_counter()
bare = set(sys.modules)
from functions.webhook.handler import lambda_handler
imported = time.perf_counter()
import json
first, *others = [json.loads(line) for line in sys.stdin]
before = time.perf_counter()
statuses = [lambda_handler(first, None)["statusCode"]]
after = time.perf_counter()
modules = sorted(set(sys.modules) - bare)
warm = []
for event in others:
    begun = time.perf_counter()
    statuses.append(lambda_handler(event, None)["statusCode"])
    warm.append((time.perf_counter() - begun) * 1000)
files = {name: getattr(sys.modules[name], "__file__", None) for name in modules}
print(json.dumps({"import_ms": (imported - start) * 1000, "first_ms": (after - before) * 1000, "warm_ms": warm,
                  "statuses": sorted(set(statuses)), "files": files}))
"""


def main() -> dict[str, Any]:
    """Run everything; return the figures by name."""
    with tempfile.TemporaryDirectory() as name, aws() as url:
        folder = Path(name)
        environment = settings(folder, url)
        files = run(environment | {"PYTHONPATH": f"{ROOT}{os.pathsep}{CORE}"}, 1)["files"]
        ours = sorted(Path(file) for file in files.values() if file and Path(file).is_relative_to(ROOT))
        sources = build(folder / "sources", ours, folder / "slipway.json")
        bytecode = build(folder / "bytecode", ours, folder / "slipway.json", compile_first=True)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        cold = measure_cold(environment, {"sources": sources, "bytecode": bytecode})
        warm = run(environment | {"PYTHONPATH": str(bytecode)}, 1 + WARM_RUNS)["warm_ms"]
        return {
            "python": sys.version.split()[0],
            "cpus": os.cpu_count(),
            "cold": cold,
            "warm": {"n": len(warm), "p50_ms": quantile(warm, 50), "p99_ms": quantile(warm, 99),
                     "max_ms": round(max(warm), 2)},
            "modules": {"all": len(files), "ours": len(ours),
                        "bytes_all": sum(Path(file).stat().st_size for file in files.values() if file),
                        "bytes_ours": sum(path.stat().st_size for path in ours)},
            "zip_bytes": {kind: (folder / f"{kind}.zip").stat().st_size for kind in ("sources", "bytecode")},
        }  # fmt: skip


@contextmanager
def aws() -> Iterator[str]:
    """Serve fixed answers from another process; yields its address."""
    command = [sys.executable, "-m", "tests.fakes.aws_stub", json.dumps(SECRETS)]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{CORE}"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdin
        yield process.stdout.readline().strip()
        process.stdin.close()


def settings(folder: Path, url: str) -> dict[str, str]:
    """Write a configuration of 20 KB; return the function's environment but its path."""
    body = compiled()
    while len(json.dumps(body)) < CONFIGURATION_BYTES:
        number = len(body["profiles"])
        body["profiles"][f"profile-{number}"] = {**body["profiles"]["medium"], "labels": [f"label-{number}"]}
    (folder / "slipway.json").write_text(json.dumps(body), "utf-8")
    return {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_SESSION_TOKEN": "x" * 700,
        "AWS_ENDPOINT_URL": url,
        "SLIPWAY_CONFIG": str(folder / "slipway.json"),
        "SLIPWAY_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
    }


def build(place: Path, ours: list[Path], configuration: Path, *, compile_first: bool = False) -> Path:
    """Zip what is deployed as ``place``.zip, and unpack it at ``place``."""
    place.mkdir()
    for path in ours:
        target = place / path.relative_to(CORE if path.is_relative_to(CORE) else ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (place / "slipway.json").write_bytes(configuration.read_bytes())
    if compile_first:
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(place)]
        subprocess.run([*PYTHON, *compiling], check=True)
    with zipfile.ZipFile(place.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(place))
    return place


def run(environment: dict[str, str], events: int) -> dict[str, Any]:
    """Give a fresh process that many deliveries of different jobs; every one must be queued."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    steps = [{"name": f"step {number}", "status": "queued", "number": number} for number in range(20)]
    lines = (
        json.dumps(signed_event(payload(job={"id": 1 + number, "created_at": created, "steps": steps})))
        for number in range(events)
    )
    done = subprocess.run(
        [*PYTHON, "-c", CHILD],
        input="\n".join(lines),
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["statuses"] == [202], done.stdout
    return result


def measure_cold(environment: dict[str, str], places: dict[str, Path]) -> dict[str, Any]:
    """Time whole processes, the bare interpreter and each build in turn, so that noise falls on all alike."""
    walls: dict[str, list[float]] = {"bare": [], **{kind: [] for kind in places}}
    cpus: dict[str, list[float]] = {kind: [] for kind in walls}
    parts: dict[str, list[tuple[float, float]]] = {kind: [] for kind in places}
    for _ in range(COLD_RUNS):
        with stopwatch(walls["bare"], cpus["bare"]):
            subprocess.run([*PYTHON, "-c", "pass"], env=environment, check=True)
        for kind, place in places.items():
            with stopwatch(walls[kind], cpus[kind]):
                result = run(environment | {"PYTHONPATH": str(place)}, 1)
            parts[kind].append((result["import_ms"], result["first_ms"]))
    figures: dict[str, Any] = {
        kind: {
            "n": COLD_RUNS,
            "median_ms": quantile(wall, 50),
            "p95_ms": quantile(wall, 95),
            "cpu_ms": quantile(cpus[kind], 50),
        }
        for kind, wall in walls.items()
    }
    for kind, pairs in parts.items():
        figures[kind]["import_ms"] = quantile([pair[0] for pair in pairs], 50)
        figures[kind]["first_event_ms"] = quantile([pair[1] for pair in pairs], 50)
    return figures


@contextmanager
def stopwatch(walls: list[float], cpus: list[float]) -> Iterator[None]:
    """Note what a child process took, in milliseconds of wall time and of CPU."""
    wall, cpu = time.perf_counter(), _children_seconds()
    yield
    walls.append((time.perf_counter() - wall) * 1000)
    cpus.append((_children_seconds() - cpu) * 1000)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def quantile(values: list[float], percent: int) -> float:
    """Return a percentile, to a hundredth."""
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 2)


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    cold, warm, modules, size = (figures[name] for name in ("cold", "warm", "modules", "zip_bytes"))
    rows = [("what", "n", "median", "tail, CPU")]
    rows += [
        (
            f"cold, {name}",
            str(cold[kind]["n"]),
            f"{cold[kind]['median_ms']} ms",
            f"p95 {cold[kind]['p95_ms']} ms, CPU {cold[kind]['cpu_ms']} ms",
        )
        for kind, name in (
            ("bytecode", "zip with bytecode"),
            ("sources", "zip of sources"),
            ("bare", "bare python"),
        )
    ]
    rows += [
        (f"of it {part}", "", f"{cold['bytecode'][key]} ms", "")
        for part, key in (("import", "import_ms"), ("first event", "first_event_ms"))
    ]
    rows.append(("warm", str(warm["n"]), f"{warm['p50_ms']} ms", f"p99 {warm['p99_ms']} ms"))
    rows.append(("modules imported", str(modules["all"]), f"{modules['bytes_all']:,} bytes of source", ""))
    rows.append(("of them ours", str(modules["ours"]), f"{modules['bytes_ours']:,} bytes of source", ""))
    rows += [(f"zip, {kind}", "", f"{size[kind]:,} bytes", "") for kind in ("bytecode", "sources")]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|---|---|", *lines[1:]])


if __name__ == "__main__":
    measured = main()
    if "--json" not in sys.argv:
        print(table(measured))
    print(json.dumps(measured))
