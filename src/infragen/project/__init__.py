"""A project of the user's own, as `infragen init` begins it.

`choices` says what the user decides, `scaffold` turns choices into files, `place` puts files into a directory. Nothing
here asks, prints or calls AWS.
"""
