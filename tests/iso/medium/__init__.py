"""The boot medium, stage by stage."""
