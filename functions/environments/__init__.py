"""The environments function."""
