"""Slipway: one-shot GitHub Actions runners on Amazon ECS, for whole enterprises."""
