"""What the engine asks of AWS, and the values that come back, in AWS's words. Nothing here calls AWS: `aws` does."""
