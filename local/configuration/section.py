"""What every section of ``slipway.yaml`` is: closed, unchangeable, strict."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the file."""

    # Strict: `cpu: "2"` or `standby: yes` is a slip that deserves a word, not a guess.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
