"""What keeps a command from seeing anything: apart from what it sees with, which is slow to import."""

from __future__ import annotations


class NoSightError(Exception):
    """Nothing can be seen; the message says why and what to do."""
