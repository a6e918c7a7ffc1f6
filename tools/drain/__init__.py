"""`make drain`: daemons are stopped at random moments, and nothing may be in doubt.

`plan`     what happens in a run; it follows from the seed.
`process`  the daemon's process, and how it has to end.
`watcher`  a stream that is followed to its end, and how it has to end.
`runs`     one life of the daemon after the other, on one data dir, and the comparing.

The target is that of `tools.chaos`.
"""
