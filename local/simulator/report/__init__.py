"""Outcomes told: figures, a table, a drawing, and how far a run has come."""
