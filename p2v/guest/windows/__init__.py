"""Repairs of a Windows system, one a file: each is a pure function from its registry and files to a list of changes.

No Windows was ever booted in making them: what they write was compared byte by byte with what is documented.
"""
