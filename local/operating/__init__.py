"""What an operator sees and orders: pools as the ledger has them, and the plan's own reasons."""
