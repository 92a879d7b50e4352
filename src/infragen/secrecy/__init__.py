"""What a secret looks like, and how it is hidden."""
