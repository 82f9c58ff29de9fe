"""What this computer has, read-only."""
