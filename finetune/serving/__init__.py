"""Open models and their adapters, asked on this machine: a process with torch generates, LocalChat asks it."""
