"""The runner container's own time: from its start to its claim, and from the answer to the listener.

    python -m tests.bench.entrypoint [--json]

The entrypoint as a process, against credentials and a claim API on loopback that answer at once: neither the container
runtime's time is in it, nor the network's. The listener is a bash script that says when it runs, so the second figure
has the start of a bash in it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.webhook import quantile
from tests.integration.runner_image.container import new_container
from tests.integration.runner_image.loopback import Answer, ClaimApi, credentials_answer, served

RUNS = 200
AIM_MS = 150
GRANT = {"jit_config": "QUFB" * 1100, "runner_name": "r-1", "idle_timeout_seconds": 120}


class TimedApi(ClaimApi):
    """Notes when a claim came and when its answer left."""

    claimed = answered = 0.0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path.endswith("/v1/claim"):
            self.claimed = time.time()
        reply = super().answer(method, path, headers, body)
        self.answered = time.time()
        return reply


def main() -> dict[str, Any]:
    """Run everything; return the figures by name."""
    to_claim, to_listener = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS):
            claim, listener = run_once(Path(folder, str(number)))
            to_claim.append(claim)
            to_listener.append(listener)
    return {
        "cpus": os.cpu_count(),
        "n": RUNS,
        "start_to_claim": {"p50_ms": quantile(to_claim, 50), "p99_ms": quantile(to_claim, 99)},
        "answer_to_listener": {"p50_ms": quantile(to_listener, 50), "p99_ms": quantile(to_listener, 99)},
        "aim_ms": AIM_MS,
    }


def run_once(folder: Path) -> tuple[float, float]:
    """Return milliseconds from start to claim and from answer to listener."""
    api = TimedApi(url="", claims=[Answer(200, GRANT)], credentials=[credentials_answer()])
    with served(api), new_container(api, folder) as container:
        container.time_scale = 1
        container.install_listener("echo runs $EPOCHREALTIME\n")
        started = time.time()
        if container.run() != 0:
            raise RuntimeError("".join(container.output))
        (runs,) = [float(line.split()[1]) for line in container.output if line.startswith("runs ")]
    return (api.claimed - started) * 1000, (runs - api.answered) * 1000


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    lines = [f"| Own time, n = {figures['n']} | p50 | p99 |", "|---|---|---|"]
    for name, words in (
        ("start_to_claim", "container start to claim sent"),
        ("answer_to_listener", "claim answered to listener exec"),
    ):
        lines.append(f"| {words} | {figures[name]['p50_ms']} ms | {figures[name]['p99_ms']} ms |")
    return "\n".join(lines)


if __name__ == "__main__":
    figures = main()
    print(json.dumps(figures) if "--json" in sys.argv[1:] else f"{table(figures)}\n\n{json.dumps(figures)}")
