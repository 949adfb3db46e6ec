"""Why packages cannot be built."""


class BuildError(Exception):
    """Packages cannot be built; the message says of what and why."""
