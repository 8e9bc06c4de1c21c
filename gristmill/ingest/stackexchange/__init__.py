"""Dumps of Stack Exchange sites as documents: answers with their comments (SOBert), or whole threads.

rows.py reads XML, clean.py turns HTML into text, columns.py makes tables, reader.py joins them, samples.py makes the
documents.
"""

from gristmill.ingest.stackexchange.clean import clean_html
from gristmill.ingest.stackexchange.reader import read_stackexchange

__all__ = ["clean_html", "read_stackexchange"]
