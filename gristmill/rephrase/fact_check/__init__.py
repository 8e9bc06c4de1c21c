"""Whether rephrasings are faithful, asked of a language model fact by fact. Start at `check.py`."""
