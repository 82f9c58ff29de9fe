"""Where a converted machine is sent: one kind of target a file, all behind the contracts in `model`."""
