"""Repairs of a Linux system, one a file: each is a pure function from the guest's files to a list of changes."""
