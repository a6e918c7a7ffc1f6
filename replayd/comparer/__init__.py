"""Compares responses in a process of its own, lower in priority, bounded in memory and time.

`process` is one such process, which `worker` runs in; `comparer` the replay thread's, with a
thread that feeds it; `past` reads both sides of a replay that has ended. Nothing is started
before there is something to compare.
"""
