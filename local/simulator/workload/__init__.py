"""Which jobs are queued when, and what goes wrong at AWS and GitHub meanwhile."""
