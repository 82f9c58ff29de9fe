"""The boot medium's own work: what the kernel's command line asks for, where answers come from, and rescue."""
