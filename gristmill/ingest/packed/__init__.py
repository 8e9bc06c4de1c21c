"""Compressed files and archives, taken apart behind limits, with damage noted instead of raised."""
