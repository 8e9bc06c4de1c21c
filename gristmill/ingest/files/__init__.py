"""Files that are one text each: plain text, Markdown, PDF."""
