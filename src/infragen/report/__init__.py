"""Turns results into text, JSON, SARIF and pictures. Reads values, changes nothing, talks to no network."""
