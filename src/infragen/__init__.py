"""infragen: reviewable CloudFormation for one backend architecture, and deployments without surprises."""

__version__ = "0.1.0"
