"""The live view: one page on loopback that shows jobs, instances and reasons as they are."""
