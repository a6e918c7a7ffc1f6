"""The way in: captures and typed flows become prepared rows, in a process of its own.

A large or hostile capture may cost a worker process its memory, its time or its life;
the daemon beside it goes on. `decode` turns an Enqueue's messages into rows, for which
`preparing` plans once what flows that are alike have in common, `worker` is the process that
runs it, `frames` is what travels through its pipes, and `pool` is the daemon's side: it starts
workers, feeds them and reads what they give.
"""
