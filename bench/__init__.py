"""Benches: one script per stage, each prints a table and writes its figures with --json FILE. See harness.py."""
