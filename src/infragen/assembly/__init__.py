"""Templates and the stacks made of them: synthesis, files, limits, lint, worker code. Nothing here talks to AWS."""
