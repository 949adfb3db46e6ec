"""``make live-check``: tries what Slipway relies on against a GitHub of one's own."""
