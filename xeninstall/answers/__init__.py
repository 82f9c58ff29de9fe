"""What the user wants: the answer file, read whole or not at all."""
