"""replayd: a gRPC daemon that replays captured HTTP flows.

A tour, in the order in which data travels:

`rpc`       receives calls (grpc.aio, one event loop), and asks `access` whether the caller
            may make them. An Enqueue's messages go on to
`intake`    a worker process that decodes the capture (`formats`), takes what is asked for
            (`filters`), changes of it what is asked for (`rewriting`), refuses what can't be
            replayed and prepares each request's bytes (`planning`). The rows that come back
            are committed to
`journal`   the durable queue and event log in one store: a change of a replay and its
            event commit together.
`queue`     wakes the one replay thread when the journal has something to run.
`replay`    that thread: take -> intent -> connect -> send -> receive -> outcome, for any
            number of replays in flight, waiting only in its selector. What answers give to
            later requests (`live`) it puts into those before they are sent.
`wire`      what it sends and receives with: transports (TCP, TLS, proxies), the pool of
            kept connections, the reader of HTTP/1 responses.
`journal`   records the outcome and its event, and
`rpc.watch` sends the event, encoded once, to every watcher.

`rpc.history` reads back what became of batches, `summary` makes figures of it, `comparing`
            says how responses differ from the recorded ones.
`matching`  asks the filters of watchers, lists and exports, in a process of its own, as
            `intake` and `comparer` have theirs (`workers`).

`hooks` are clients that are asked on the way: before a request is sent and before its
outcome is recorded (`rpc.hook`, `replay.hooked`).
`metrics` looks up figures for Prometheus, where that is asked for.
`retention` has the journal remove what is old, while all of that goes on.

Nothing flows back. `daemon` builds all of it; `cli` and `config` turn flags, environment
and file into one frozen Config, `settings` that into what each part is told. `model` has the
words that all of them share, `codec` turns them into the contract's messages (`protos/`),
`redaction` puts marks in the place of secrets for those who may not see them. `errors` says
what can go wrong and `reasons` names why. Who may import whom is checked by import-linter
(`.importlinter`).
"""

__version__ = "0.1.0"
