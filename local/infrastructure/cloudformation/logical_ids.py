"""Logical ids: how a template calls a pool's or a profile's resources. Pure."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[A-Za-z0-9]+")


def logical_id(prefix: str, name: str, kind: str = "") -> str:
    """Return the logical id of a resource, letters and digits only [CFN-LOGICAL-ID]: `PoolGeneralCluster`.

    No two names share one: a name that loses characters here has six digits of its hash instead. It depends on
    nothing but its own name, so that no other pool or profile makes CloudFormation replace this one's resources.
    """
    words = "".join(word[0].upper() + word[1:] for word in _WORD.findall(name))
    mark = "" if _PLAIN.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{prefix}{words}{mark}{kind}"
