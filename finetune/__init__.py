"""Examples -> dataset -> job -> model: nothing of it is built yet (see README, "What is not there yet")."""
