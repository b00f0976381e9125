"""OpenAI's API over this program: /v1/files, /v1/fine_tuning/jobs, /v1/models, /v1/chat/completions, /v1/embeddings."""
