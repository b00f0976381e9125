"""What answers with no key and no network: the embedding model and the extractive reader."""
