"""What a dashboard must be to show something: known series, known log fields, a grid without overlaps."""
