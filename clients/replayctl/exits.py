"""The exit codes. Scripts rely on them."""

DONE = 0
REPLAYS_FAILED = 1
"""Done, but replays failed by what `--fail-on` names."""
USAGE = 2
"""Wrong usage, or a file that can't be read or written."""
UNREACHABLE = 3
"""The daemon can't be reached."""
REFUSED = 4
"""The daemon refused the call (a bad capture, an unknown batch, a foreign cursor), or every
flow of a capture."""
COMPACTED = 5
"""Events were compacted away."""
INTERRUPTED = 130
"""By Ctrl-C, as shells have it: 128 and SIGINT's number."""
