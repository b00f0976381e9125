"""Examples -> dataset -> job -> model. Jobs and trainers are not built yet (see README, "What is not there yet")."""
