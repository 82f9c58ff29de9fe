"""The boot medium: the host's own image under a thin live layer, on one hybrid ISO, or in a directory for netboot."""
