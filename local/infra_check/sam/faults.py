"""What is wrong with a template."""

from __future__ import annotations


class TemplateFaultError(ValueError):
    """CloudFormation would refuse the template or its parameters; the message says why."""
