"""Which of the four modes to choose: a transparent score of what is known, and evidence where there is some."""
