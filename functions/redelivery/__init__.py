"""The redelivery function."""
