"""Why a template cannot be made."""

from __future__ import annotations

from local.infrastructure.places import DescriptionError


class TemplateError(DescriptionError):
    """The templates cannot be made of this description; the message says why, and what would help."""
