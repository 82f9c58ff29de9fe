"""Where bytes come from: block devices and image files, read-only always."""
