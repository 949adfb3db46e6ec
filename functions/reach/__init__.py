"""The reach function."""
