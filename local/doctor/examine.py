"""Runs checks: every look apart, so that one that fails tells of itself and no other is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.doctor.findings import Check, Finding, Look, Verdict, unknown
from local.doctor.surroundings import Surroundings

_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "Forbidden",
}
_NOBODY = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# Where an operation is not called what its permission is called.
_ACTIONS = {"Invoke": "InvokeFunction"}
_NO_CREDENTIALS = unknown(
    "no-credentials",
    "could not look: there are no AWS credentials, so nothing of AWS was looked at",
    "log in (aws sso login, or a profile in AWS_PROFILE), then run it again",
)


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
                if verdict is _NO_CREDENTIALS:
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
    except (NoCredentialsError, PartialCredentialsError):
        verdicts.append(_NO_CREDENTIALS)
    except BotoCoreError as fault:
        mend = "see that AWS can be reached from here, and that the region is one of AWS's"
        verdicts.append(unknown("aws-unreachable", f"could not look: {fault}", mend))
    except Exception as fault:  # noqa: BLE001 - the loop over all checks: one that breaks hides no other
        mend = "this is a fault of the doctor's, or an answer that it does not know: tell its maintainers"
        verdicts.append(unknown("look-broke", f"could not look: {type(fault).__name__}: {fault}", mend))
    return verdicts


def _refused(check: Check, fault: ClientError) -> Verdict:
    code, operation = fault.response["Error"].get("Code", ""), fault.operation_name
    if code in _REFUSED:
        action = _ACTIONS.get(operation, operation)
        needed = next((one for one in check.permissions if one.endswith(f":{action}")), action)
        return unknown(
            "permission-missing",
            f"could not look: needs permission {needed}",
            f"let whoever runs this {needed}, or ask somebody who may",
        )
    if code in _NOBODY:
        mend = "log in again; where that helps nothing, see that the account has this region enabled"
        return unknown(
            "credentials-refused",
            f"could not look: AWS refuses these credentials at {operation} ({code})",
            mend,
        )
    message = fault.response["Error"].get("Message", "")
    return unknown(
        "aws-refuses",
        f"could not look: {operation} answered {code}: {message}",
        "run it again; if it stays, see what AWS says",
    )
