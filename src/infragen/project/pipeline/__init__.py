"""The workflows that deliver a project: written from its environments, for GitHub or GitLab.

Pure: the same project gives the same text. No credentials are in it; jobs get theirs from the roles of `bootstrap`.
"""
