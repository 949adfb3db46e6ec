"""Runs checks: every look apart, so that one that fails tells of itself and no other is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from botocore.exceptions import BotoCoreError, ClientError

from local.doctor.findings import Check, Finding, Look, Verdict, unknown
from local.doctor.surroundings import Surroundings
from local.operator_account import REFUSED, Kind, Lack, lack_of

# Where an operation is not called what its permission is called.
_ACTIONS = {"Invoke": "InvokeFunction"}


def examine(
    checks: Iterable[Check], surroundings: Surroundings, told: Callable[[Finding], None] = lambda _found: None
) -> list[Finding]:
    """Run every check and return what was found, in order; ``told`` hears each finding as it comes."""
    findings = []
    has_credentials = True
    for check in checks:
        looks = list(check.looks(surroundings))
        if check.permissions and not has_credentials:
            continue  # each look would say the same: once is enough
        for look in looks:
            for verdict in _judged(check, look):
                if verdict.id == "no-credentials":
                    if not has_credentials:
                        continue
                    has_credentials = False
                finding = Finding(
                    check.name, look.at, verdict.status, verdict.message, verdict.mend, verdict.id
                )
                told(finding)
                findings.append(finding)
    return findings


def has_passed(findings: Iterable[Finding]) -> bool:
    """Say whether nothing failed and everything could be looked at."""
    return all(finding.is_passed for finding in findings)


def _judged(check: Check, look: Look) -> list[Verdict]:
    verdicts: list[Verdict] = []
    try:
        verdicts.extend(look.judge())  # what came before a fault stays
    except ClientError as fault:
        verdicts.append(_refused(check, fault))
    except BotoCoreError as fault:
        verdicts.append(_lacking(lack_of(fault)))
    except Exception as fault:  # noqa: BLE001 - the loop over all checks: one that breaks hides no other
        mend = "this is a fault of the doctor's, or an answer that it does not know: tell its maintainers"
        verdicts.append(unknown("look-broke", f"could not look: {type(fault).__name__}: {fault}", mend))
    return verdicts


def _lacking(lack: Lack) -> Verdict:
    said = f"could not look: {lack.said}"
    if lack.kind is Kind.CREDENTIALS:
        return unknown("no-credentials", f"{said}, so nothing of AWS was looked at", lack.mend)
    if lack.kind is Kind.ACCEPTANCE:
        return unknown("credentials-refused", said, lack.mend)
    return unknown("aws-unreachable", said, lack.mend)


def _refused(check: Check, fault: ClientError) -> Verdict:
    if lack := lack_of(fault):
        return _lacking(lack)
    code, operation = fault.response["Error"].get("Code", ""), fault.operation_name
    if code in REFUSED:
        action = _ACTIONS.get(operation, operation)
        needed = next((one for one in check.permissions if one.endswith(f":{action}")), action)
        return unknown(
            "permission-missing",
            f"could not look: needs permission {needed}",
            f"let whoever runs this {needed}, or ask somebody who may",
        )
    message = fault.response["Error"].get("Message", "")
    return unknown(
        "aws-refuses",
        f"could not look: {operation} answered {code}: {message}",
        "run it again; if it stays, see what AWS says",
    )
