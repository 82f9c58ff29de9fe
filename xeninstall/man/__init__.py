"""The manual inside the package: prose in the .in files, options and keys from the parser and the model themselves."""
