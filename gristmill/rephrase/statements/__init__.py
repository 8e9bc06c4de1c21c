"""Rules that compare what a rephrasing states with what its passage states."""
