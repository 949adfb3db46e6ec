"""The pure core: no clock, no environment, no logging, no IO, the standard library only."""
