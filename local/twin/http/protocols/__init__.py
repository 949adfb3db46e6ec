"""The wire protocols of AWS, from the server's side, driven by botocore's service models."""
