"""The AWS on this machine: MiniStack on 127.0.0.1, with what it lacks for infragen's templates.

Runs as a process of its own (`python -m infragen_local RECORD`), which `infragen local start`
begins. It imports nothing of infragen, and infragen imports nothing of it.
"""
