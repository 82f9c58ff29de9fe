"""The host-setup console: a running host's state, and the wizard's own steps as its settings."""
