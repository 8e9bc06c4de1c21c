"""Numbers in texts: in digits, words, clock times, units; what a passage says of them, and what follows."""
