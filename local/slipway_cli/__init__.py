"""The ``slipway`` command."""
