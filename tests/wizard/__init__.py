"""The wizard, driven by keys at 80x24."""
