"""GitHub's REST API over httpx."""
