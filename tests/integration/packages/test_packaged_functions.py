"""The packages at work: unpacked as Lambda does it, under AWS's runtime client, without the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.configuration.check import check_file
from local.demo.lambda_host import FunctionSpec, LambdaFunction
from local.packages.build import Order, build
from local.packages.unpacked import Interpreter, Unpacked, lay_runtime_client, unpack
from local.packages.vendor import this_machine
from tests.deliveries import iso, payload, signed_event
from tests.fakes.aws_stub import AwsStub
from tests.integration.functions.stage import LABELS, Stage, claim_event, records, role_arn
from tests.integration.packages.conftest import ROOT

PROBE = """
import importlib, os, sys
handler = importlib.import_module(f"functions.{os.environ['PROBED']}.handler").lambda_handler

def lambda_handler(event, context):
    answer = handler(event, context)
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    return {"answer": answer, "path": sys.path, "files": {name: file for name, file in files.items() if file}}
"""


def packages(configuration: Path, folder: Path) -> Unpacked:
    python = Path(sys.executable)
    file = check_file(configuration).file
    assert file
    build(Order(configuration, file, this_machine(python)), folder / "deployment")
    return unpack(folder / "deployment", folder / "unpacked", Interpreter.of(python))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A deployment of packages that were built for it, between twins."""
    with Stage(tmp_path_factory.mktemp("packaged"), packages=packages) as made:
        yield made


def probed(stage: Stage, name: str, event: Any) -> dict[str, Any]:
    """Run a function once and return its answer with what it had imported by then."""
    assert stage.unpacked
    spec = stage.spec(name, PROBED=name)
    probe = stage.folder / "probe"
    probe.mkdir(exist_ok=True)
    (probe / "probe.py").write_text(PROBE, "ascii")
    path = os.pathsep.join([spec.environment["PYTHONPATH"], str(probe)])
    spec = replace(spec, handler="probe.lambda_handler", environment={**spec.environment, "PYTHONPATH": path})
    stage.keep_time()
    with LambdaFunction(spec, stage.folder / f"{name}.log") as function:
        result: dict[str, Any] = function.invoke(event)
    stage.keep_time()
    return result


def webhook_event(stage: Stage) -> dict[str, Any]:
    owner = {"login": "alpha", "id": 7}
    repository = {"id": 77, "name": "web", "full_name": "alpha/web", "private": True, "owner": owner}
    job = {"created_at": iso(time.time()), "labels": list(LABELS)}
    body = payload(job=job, repository=repository, organization=owner)
    return signed_event(body, secret=stage.secrets.webhook)


@pytest.mark.parametrize("name", ["webhook", "scaler", "registrar", "reaper", "redelivery"])
def test_a_function_runs_from_its_package_and_its_layers_and_nothing_of_the_checkout(
    stage: Stage, name: str
) -> None:
    event: Any = {}
    if name == "webhook":
        event = webhook_event(stage)
    elif name == "scaler":
        event = records(stage.job())
    elif name == "registrar":
        event = claim_event(role_arn(stage.start_tasks(1)[0]))
    result = probed(stage, name, event)
    if name in ("webhook", "registrar"):
        assert result["answer"]["statusCode"] in (200, 202)
    elif name == "scaler":
        assert result["answer"] == {"batchItemFailures": []}
    else:
        assert result["answer"]["errors"] == 0
    assert stage.unpacked
    task, opt = stage.unpacked.task_root(name), stage.unpacked.folder / "opt" / "python"
    ours = task if name == "webhook" else opt
    assert result["files"]["slipway"] == str(ours / "slipway" / "__init__.py")
    assert result["files"][f"functions.{name}.handler"] == str(task / f"functions/{name}/handler.py")
    there = [
        task,
        stage.unpacked.folder / "runtime",
        stage.folder / "probe",
        *([] if name == "webhook" else [opt]),
    ]
    library = Path(sysconfig.get_path("stdlib")).resolve()
    allowed = [*there, library]
    strangers = {
        module: file
        for module, file in result["files"].items()
        if not any(Path(file).resolve().is_relative_to(place.resolve()) for place in allowed)
        or "site-packages" in Path(file).parts
    }
    assert strangers == {}
    assert not any(Path(entry).resolve() == ROOT for entry in result["path"])


def test_the_search_path_is_lambdas(stage: Stage) -> None:
    assert stage.unpacked
    folder = stage.unpacked.folder
    for name, wanted in {
        "webhook": [folder / "task/webhook", folder / "runtime"],
        "scaler": [folder / "task/scaler", folder / "opt/python", folder / "runtime"],
    }.items():
        environment = stage.unpacked.environment(name)
        assert environment["PYTHONPATH"].split(os.pathsep) == list(map(str, wanted))
        assert environment["LAMBDA_TASK_ROOT"] == str(folder / "task" / name)
    assert not any((folder / "opt/python").glob("awslambdaric*"))  # the runtime's, not the layer's


@contextmanager
def webhook_alone(build: Path, folder: Path) -> Iterator[tuple[FunctionSpec, AwsStub]]:
    """The deployed webhook's package, unpacked with nothing beside it but the runtime client."""
    code = Unpacked(folder, Interpreter.of(Path(sys.executable)))
    with zipfile.ZipFile(build / "functions" / "webhook.zip") as package:
        package.extractall(code.task_root("webhook"))
    lay_runtime_client(code.interpreter.packages, folder / "runtime")
    compiled = json.loads((code.task_root("webhook") / "slipway.json").read_text("utf-8"))
    secrets = [secret["secret"] for secret in compiled["github"]["webhook_secrets"]]
    with AwsStub({secrets[0]: "the secret", secrets[1]: "of an organization"}) as aws:
        environment = {
            "PATH": os.environ["PATH"], "AWS_REGION": "ap-northeast-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_ENDPOINT_URL": aws.url, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_NAME": "slipway-webhook",
            "SLIPWAY_JOBS_QUEUE_URL": "https://sqs.ap-northeast-1.amazonaws.com/111122223333/slipway-jobs",
            **code.environment("webhook"),
        }  # fmt: skip
        handler = "functions.webhook.handler.lambda_handler"
        yield (
            FunctionSpec("webhook", handler, environment, 1, 9.0, code.program, code.task_root("webhook")),
            aws,
        )


def delivery() -> dict[str, Any]:
    owner = {"login": "acme-web", "id": 7}
    repository = {"id": 77, "name": "app", "full_name": "acme-web/app", "private": True, "owner": owner}
    job = {"created_at": iso(time.time()), "labels": ["self-hosted", "linux", "x64", "medium"]}
    body = payload(job=job, repository=repository, organization=owner)
    return signed_event(body, secret="the secret")


def test_the_webhooks_package_alone_serves_a_signed_delivery(build: Path, tmp_path: Path) -> None:
    with webhook_alone(build, tmp_path) as (spec, aws), LambdaFunction(spec, tmp_path / "log") as function:
        assert function.invoke(delivery())["statusCode"] == 202
        assert function.invoke({**delivery(), "body": "{}"})["statusCode"] == 401
        assert [json.loads(message["MessageBody"])["repository"] for message in aws.messages] == [
            "acme-web/app"
        ]
    logged = [
        json.loads(line)
        for line in (tmp_path / "log").read_text("utf-8").splitlines()
        if line.startswith("{")
    ]
    assert [line["status"] for line in logged if "status" in line] == [202, 401]
    metrics = [name for line in logged for name in ("DeliveryDelay", "DeliveriesRefused") if name in line]
    assert metrics == ["DeliveryDelay", "DeliveriesRefused"]


@pytest.mark.parametrize(
    "name", ["adapters/sqs_http.py", "domain/strict_json.py", "services/webhook_secrets.py"]
)
def test_a_module_that_is_missing_from_it_would_be_noticed(build: Path, tmp_path: Path, name: str) -> None:
    with webhook_alone(build, tmp_path) as (spec, _):
        assert spec.folder
        (spec.folder / "slipway" / name).unlink()
        done = subprocess.run(
            [spec.program[0], "-S", "-c", "import functions.webhook.handler"],
            env=dict(spec.environment), cwd=spec.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert re.search(r"No module named|cannot import name", done.stderr)


def emulator() -> str:
    """AWS's runtime interface emulator: on the path, or inside the aws-sam-cli of ``make infra-check``."""
    if on_path := shutil.which("aws-lambda-rie"):
        return on_path
    machine = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    place = f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    for inside in (ROOT / ".venv-infra").glob(place):
        return str(inside)
    pytest.skip("no aws-lambda-rie on the PATH, and none in .venv-infra (make infra-check brings it)")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.mark.toolchain
def test_the_webhooks_package_answers_under_awss_own_emulator(build: Path, tmp_path: Path) -> None:
    program = emulator()
    with webhook_alone(build, tmp_path) as (spec, aws):
        # Without these two it would serve on every address of the machine.
        port = free_port()
        places = [
            f"--runtime-interface-emulator-address=127.0.0.1:{port}",
            f"--runtime-api-address=127.0.0.1:{free_port()}",
        ]
        with subprocess.Popen(
            [program, *places, *spec.program, spec.handler], env=dict(spec.environment), cwd=spec.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            try:
                answer = invoke(
                    f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", delivery()
                )
            finally:
                process.terminate()
        assert answer["statusCode"] == 202
        assert len(aws.messages) == 1


def invoke(url: str, event: Any) -> Any:
    """Post an event as soon as the emulator listens."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(event).encode()), timeout=15
            ) as reply:
                return json.loads(reply.read())
        except (urllib.error.URLError, ConnectionError) as fault:
            if not isinstance(getattr(fault, "reason", fault), ConnectionError):
                raise
            time.sleep(0.05)
    raise AssertionError("the emulator never listened")
