"""Files of a file system that nobody mounts: where their bytes are, what they hold, and whose the bytes at a place are."""
