"""GitHub's REST API: a dispatcher driven by the published schema, and the calls behind it."""
