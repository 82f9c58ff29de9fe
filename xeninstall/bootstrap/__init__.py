"""A running Debian becomes a Xen host, in place: what is there, what has to change, and changing it without being cut off."""
