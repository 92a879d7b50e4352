"""The parts of the emulator that run something: tasks, a database, functions, roles.

Each module is one part. It says what it needs of the machine, and has one function that puts it in the place of
MiniStack's own. What the machine lacks stays a record, as without these modules.
"""
