"""Processes of the daemon's own that do what may take long, or for ever: each bounded in memory
and processor time, lower in priority, out of a terminal's reach, and over when its stdin is.

`process` is the daemon's side of one, `confined` the worker's, `frames` what travels between
both; `slow` remembers what others shall not wait for. What they do is elsewhere: `intake`,
`matching`, `comparer`.
"""
