"""``slipway plan``: what the planner would decide for one pool, from a file."""
