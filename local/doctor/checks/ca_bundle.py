"""Until when are the certificates of `github.ca_bundle` good?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography import x509

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

SOON_DAYS = 30
_MEND = (
    "put the new certificate into the file beside the old one, build and deploy: the functions carry the file"
)


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    if surroundings.ca_bundle is not None:
        yield Look(f"github.ca_bundle {surroundings.ca_bundle}", partial(_judge, surroundings.ca_bundle))


def _judge(bundle: Path) -> Iterator[Verdict]:
    try:
        certificates = x509.load_pem_x509_certificates(bundle.read_bytes())
    except (OSError, ValueError):
        return  # the check of GitHub tells that it cannot be used
    now = datetime.now(UTC)
    ends = sorted((one.not_valid_after_utc, one.subject.rfc4514_string()) for one in certificates)
    for end, name in ends:
        days = (end - now).days
        if end <= now:
            yield failed("ca-expired", f"{name} ended on {end:%Y-%m-%d}", _MEND)
        elif days < SOON_DAYS:
            yield warning("ca-expires", f"{name} ends in {days} days, on {end:%Y-%m-%d}", _MEND)
    if all((end - now).days >= SOON_DAYS for end, _ in ends):
        yield ok(f"{len(ends)} certificates, good until {ends[0][0]:%Y-%m-%d} at least")


CHECK = Check(
    name="ca-bundle",
    about="no certificate of `github.ca_bundle` ends within 30 days",
    permissions=(),
    looks=_looks,
)
