"""What a deployment is refused for, or must be agreed to: loss of data, wider access. Pure."""
