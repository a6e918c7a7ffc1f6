"""The daemon as a process, with real clients and real servers: one file a subject."""
