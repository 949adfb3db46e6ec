"""``slipway.yaml``: read, checked as a whole, compiled for the functions."""
