"""The SAM tree: the hand-written templates of infra/sam, and what a description adds to them."""
