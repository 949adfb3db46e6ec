"""Chaos: the real services on the virtual clock, with everything that can go wrong, from seeds that reproduce."""
