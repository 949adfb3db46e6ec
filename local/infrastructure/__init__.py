"""What both infrastructure trees are given: task definitions and user data, rendered from the configuration."""
