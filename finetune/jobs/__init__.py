"""Fine-tuning jobs of this machine: their states, their record, their files, the process that runs them."""
