"""The manual page's prose; its options come from the parser."""
