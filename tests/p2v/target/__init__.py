"""Targets, each against the real thing where there is one to start here."""
