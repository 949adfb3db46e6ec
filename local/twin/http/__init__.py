"""Loopback HTTP faces of the twin."""
