"""Which bytes of a disk are in use: file systems by partclone, volumes by their metadata, and everything else whole."""
