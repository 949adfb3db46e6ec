"""Environments of pull requests on the virtual clock: a world, lives of pull requests, checks, and chaos."""
