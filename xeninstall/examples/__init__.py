"""Answer files to begin with; each is also a test that its answers still work."""
