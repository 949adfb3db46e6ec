"""The demo: the real functions and the real entrypoint, AWS and GitHub played by twins on loopback."""
