"""Benchmarks: what infragen costs, beside something else. Not part of the package."""
