"""Environments of pull requests: what should exist, what does, and what to do about the difference. Pure."""
