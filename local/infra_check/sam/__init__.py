"""Reads the SAM tree as CloudFormation would: transformed, decided, names and ARNs worked out."""
