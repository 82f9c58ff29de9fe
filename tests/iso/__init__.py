"""The image's builder; what needs a built image is in tests/system."""
