"""Rewrite the extracts in this folder from GitHub's published schemas (maintainers only; needs npm).

Run ``python -m local.twin.github.spec.refresh``. Three pinned npm packages are unpacked in a temporary
folder; only the paths, schemas and examples which the twin uses are kept, without their prose. GitHub
Enterprise Server differs so little from Enterprise Cloud that each version is stored as a JSON merge
patch (RFC 7396) on ``ghec.json``. Tests and the twin read the extracts and never need npm.
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from local.twin.github.spec import merged

OPENAPI = "@octokit/openapi@23.0.2"
WEBHOOKS = "@octokit/openapi-webhooks@12.1.0"
EXAMPLES = "@octokit/webhooks-examples@7.6.1"
SERVER_VERSIONS = ("ghes-3.17", "ghes-3.18", "ghes-3.19")
HERE = Path(__file__).parent
MEMBERS = re.compile(r"package/(generated/(ghec|ghes-3\.1[789])\.json|api\.github\.com/index\.json)$")

PATHS = re.compile(
    r"/(rate_limit|user|installation/repositories)"
    r"|/app(/hook/deliveries.*|/installations(/\{installation_id\}(/access_tokens)?)?)?"
    r"|/(enterprises/\{enterprise\}|orgs/\{org\}|repos/\{owner\}/\{repo\})"
    r"(/installation|/actions/runner(s|-groups).*)"
    r"|/repos/\{owner\}/\{repo\}/actions/(jobs/\{job_id\}(/rerun)?|runs(/\{run_id\}/(jobs|rerun-failed-jobs))?)"
    r"|/repos/\{owner\}/\{repo\}/actions/workflows/\{workflow_id\}/dispatches"
    r"|/repos/\{owner\}/\{repo\}/(pulls|deployments(/\{deployment_id\}/statuses)?)"
    r"|/repos/\{owner\}/\{repo\}/issues/(\{issue_number\}/comments|comments/\{comment_id\})"
    r"|/orgs/\{org\}/(repos|hooks/\{hook_id\}/deliveries.*)"
)
EVENTS = re.compile(r"ping|workflow-job-.*")
PROSE = {
    "summary", "description", "externalDocs", "example", "examples", "tags", "x-octokit", "title",
    "x-github-breaking-changes",
}  # fmt: skip


def without_prose(node: Any, *, names: bool = False) -> Any:
    """Drop documentation keys; ``names`` marks a mapping whose keys are field names, never keywords."""
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    mappings = {"properties", "schemas", "parameters", "responses", "headers", "paths"}
    return {
        key: without_prose(value, names=key in mappings and isinstance(value, dict) and not names)
        for key, value in node.items()
        if names or key not in PROSE
    }


def references(node: Any) -> set[str]:
    """All local ``$ref`` targets below ``node``."""
    if isinstance(node, list):
        return set().union(*map(references, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return found.union(*map(references, node.values()))


def components(document: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """The components which ``wanted`` reaches, through any number of references."""
    kept: dict[str, dict[str, Any]] = {}
    pending = sorted(wanted)
    seen: set[str] = set()
    while pending:
        reference = pending.pop()
        if reference in seen:
            continue
        seen.add(reference)
        _, _, kind, name = reference.split("/")
        value = without_prose(document["components"][kind][name])
        kept.setdefault(kind, {})[name] = value
        pending.extend(sorted(references(value) - seen))
    return {kind: dict(sorted(values.items())) for kind, values in sorted(kept.items())}


def rest_extract(document: dict[str, Any]) -> dict[str, Any]:
    chosen = {path: item for path, item in document["paths"].items() if PATHS.fullmatch(path)}
    paths = without_prose(chosen, names=True)
    return {"paths": dict(sorted(paths.items())), "components": components(document, references(paths))}


def webhook_extract(document: dict[str, Any]) -> dict[str, Any]:
    chosen = {name: item for name, item in document["webhooks"].items() if EVENTS.fullmatch(name)}
    hooks = without_prose(chosen, names=True)
    return {"webhooks": dict(sorted(hooks.items())), "components": components(document, references(hooks))}


def example_extract(document: list[dict[str, Any]]) -> dict[str, Any]:
    chosen = {entry["name"]: entry["examples"] for entry in document}
    kept = {name: chosen[name] for name in ("ping", "workflow_job")}
    opened = [entry for entry in chosen["pull_request"] if entry["action"] == "opened"]
    return {"examples": kept | {"pull_request": opened[:1]}}


def merge_patch(old: Any, new: Any) -> Any:
    """The RFC 7396 patch which turns ``old`` into ``new``; both are objects."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            if inner := merge_patch(old[key], value):
                patch[key] = inner
        elif value != old[key]:
            patch[key] = value
    return patch


def download(package: str, folder: Path) -> Path:
    target = folder / re.sub(r"\W+", "-", package)
    target.mkdir()
    packed = subprocess.run(  # noqa: S603 - pinned names, no shell
        ["npm", "pack", "--silent", package],  # noqa: S607 - npm is wherever the maintainer has it
        cwd=target,
        check=True,
        capture_output=True,
        text=True,
    )
    with tarfile.open(target / packed.stdout.strip().splitlines()[-1]) as archive:
        wanted = [member for member in archive.getmembers() if MEMBERS.fullmatch(member.name)]
        archive.extractall(target, members=wanted, filter="data")
    return target / "package"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write(name: str, source: str, content: dict[str, Any]) -> None:
    text = json.dumps({"source": source, "licence": "MIT, see NOTICE.md"} | content, separators=(",", ":"))
    (HERE / name).write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        generated = download(OPENAPI, folder) / "generated"
        cloud = rest_extract(read(generated / "ghec.json"))
        write("ghec.json", f"{OPENAPI} generated/ghec.json", cloud)
        for version in SERVER_VERSIONS:
            server = rest_extract(read(generated / f"{version}.json"))
            patch = merge_patch(cloud, server)
            if merged(cloud, patch) != server:
                print(
                    f"{version}: a merge patch cannot carry an explicit null; store it whole", file=sys.stderr
                )
                return 1
            write(f"{version}.patch.json", f"{OPENAPI} generated/{version}.json", {"patch": patch})
        hooks = read(download(WEBHOOKS, folder) / "generated" / "ghec.json")
        write("webhooks.json", f"{WEBHOOKS} generated/ghec.json", webhook_extract(hooks))
        examples = read(download(EXAMPLES, folder) / "api.github.com" / "index.json")
        write("examples.json", f"{EXAMPLES} api.github.com/index.json", example_extract(examples))
    return 0


if __name__ == "__main__":
    sys.exit(main())
