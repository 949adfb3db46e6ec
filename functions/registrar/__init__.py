"""The registrar function."""
