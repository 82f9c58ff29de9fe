"""One template and a list of machines: a checked answer file for each."""
