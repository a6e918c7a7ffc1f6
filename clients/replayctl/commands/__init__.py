"""One file a verb. Each has a `command`: it parses, calls the daemon once, shows the answer."""
