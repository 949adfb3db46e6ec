"""Variables of a template: which there are, which a text names, and what a text is with them replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLES = ("PR_NUMBER", "COMMIT_REF", "COMMIT_REF_SHORT", "REPOSITORY", "BRANCH", "ACTOR", "HOST")
IN_IMAGES = ("PR_NUMBER", "COMMIT_REF", "COMMIT_REF_SHORT")
"""What an image may name: a branch's name is its author's, and must not choose which image runs."""
OF_A_COMMIT = ("COMMIT_REF", "COMMIT_REF_SHORT")
_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def variables_of(text: str) -> tuple[str, ...]:
    """Return the names between double braces, as they are written."""
    return tuple(_VARIABLE.findall(text))


def rendered(text: str, values: Mapping[str, str]) -> str:
    """Replace each variable once: what a value holds is never read again, whatever it looks like."""
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)
