"""One file a verb of the command line: `run(args) -> exit code`. They print results; errors go up to `cli`."""
