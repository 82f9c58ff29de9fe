"""Image formats, one a file: each lays out an image from a block map before a byte is read, as one forward stream."""
