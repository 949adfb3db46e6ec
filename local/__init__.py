"""What runs on an operator's or developer's machine and is never deployed."""
