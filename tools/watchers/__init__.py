"""Very many watchers at once: what they cost the daemon, and each other."""
