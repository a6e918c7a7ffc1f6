"""Filters about replays: of watchers, lists and exports.

Their expressions come from clients, and one that backtracks holds Python's interpreter for as
long as it likes: so they are asked in a process of their own (`worker`), whose time is bounded.
`process` is the daemon's side of it, `frames` what travels between both, `subjects` what a
filter sees of a replay: never more than whoever asks may see.
"""
