"""What both infrastructure trees are made from: task definitions, roles and user data, as pure data."""
