"""What the control plane costs: dated list prices, what was used, and the sheet that both come to."""
