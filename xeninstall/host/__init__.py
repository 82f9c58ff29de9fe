"""A host that runs: its settings read back from its files, its state, and changes by the planner that made those files."""
