"""What `--metrics-listen` asks for: the daemon's figures, for Prometheus. Loaded where it is given.

`figures`   looks up what the daemon knows anyway, when it is asked: nothing is counted for it
            where replays run.
`http`      answers scrapers, within bounds.
`listener`  both as one part of the daemon.

gRPC's calls are the one thing that nobody else counts: `rpc.call_counts` does then.

No figure has a label with a host, a path, a client or anything else of captures and callers:
whoever reaches the address may read them. Knows no services, and nothing of replays but counts.
"""
