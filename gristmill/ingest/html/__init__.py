"""The text of an HTML page: main content, structure, title; formulas and images where they are asked for."""

from gristmill.ingest.html.page import Page, extract_page

__all__ = ["Page", "extract_page"]
