"""Reports of a check of training data: HTML with charts, Markdown, JSON, and SARIF for editors and code hosts."""
