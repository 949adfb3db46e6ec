"""The scaler function."""
