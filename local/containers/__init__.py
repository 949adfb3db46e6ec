"""Real containers on this machine, for tests and the demo: podman as root, with a store of its own."""
