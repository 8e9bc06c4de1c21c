"""Synthetic code: seeds cut from files of source code, and the check of the files that a model writes for them."""
