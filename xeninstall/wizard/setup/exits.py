"""How the console ends, for whoever started it."""

EXIT_SHELL = 10  # a login shell is wanted
