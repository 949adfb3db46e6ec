"""Checks of ``infra/`` without an account: what ``make infra-check`` and the tests of both trees stand on."""
