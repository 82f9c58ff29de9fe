"""The virtual machine that stands in for the old one, as a value, and as each host wants it described. Pure."""
