"""Policies: ways to run the same jobs with the same latencies and prices, to compare."""
