"""GitHub's side of the twin: an enterprise, its runners and jobs, its REST API, webhooks and broker."""
