"""What trains on this machine: the embedded responder here, adapters of causal models with the training extras."""
