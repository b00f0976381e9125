"""The places that take fine-tuning jobs over OpenAI's wire, and the client that drives them all."""
