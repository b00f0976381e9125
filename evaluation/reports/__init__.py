"""The report of an evaluation, as HTML, Markdown, JSON and CSV, and rows for other tools."""
