"""Stand-ins that behave as the services they stand for, each on loopback."""
