"""One step a file. They do not know each other; `flow` knows their order."""
