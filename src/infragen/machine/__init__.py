"""What infragen does on this machine: read and write files that the user names, start processes, run the emulator.

It knows nothing of environments, templates or AWS.
"""
