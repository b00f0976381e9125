"""Small invented companies with a known truth: documents, training rows and questions, drawn from a seed."""
