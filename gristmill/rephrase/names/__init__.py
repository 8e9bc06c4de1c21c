"""Names in texts, and those that a passage does not have."""
