"""Why a job waits, and what became of it: its whole story, from what was recorded."""
