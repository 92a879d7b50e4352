"""What changes between two templates, and between them and AWS's own rows. Pure."""
