"""AWS and GitHub as one pure state machine, advanced by an explicit clock."""
