"""Packs: drivers, firmware, packages and templates that come beside the medium. Begin with `model`, then `read`."""
