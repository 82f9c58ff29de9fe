"""The receiving end."""
