"""What a deployment will change: the model of a plan, plans between two renderings, saved plans, drift."""
