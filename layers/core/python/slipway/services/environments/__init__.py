"""Environments of pull requests: gather, decide, apply, tell."""
