"""What replays are sent and received with. Knows no journal, no queue, no events.

`settings`    how to connect and what to put up with, each default with its reason.
`transport`   four verbs on one socket: establish, send, receive, close. `tls` and
              `tunnel` (through a proxy) are transports around a transport, so layers
              stack; `scripted` is the fake beside them.
`http_connect`, `socks5`: what is said to a proxy until its tunnel stands.
`tls_context` what all TLS connections share.
`poller`      waits for all of them at once, and says who is told.
`resolver`    names to checked addresses, off the thread that waits.
`dial`        from a target to a connection: resolve, connect, layer by layer.
`pool`        connections kept for their session, or for anybody with the same target.
`limit`       how many connections a target may have, and who waits for one.
`request`     a request's bytes, in pieces where it is large.
`reader`      the interface of what reads a response; `http1` is it on h11, `plain` is
              it for what nearly every server sends, and hands the rest to h11.
`http2`       the protocol of an HTTP/2 connection on h2, whatever it runs over:
              `http2_frames` cuts and counts what comes, `http2_fields` compresses fields,
              `http2_response` judges a response, `http2_events` is what is told.
`multiplex`   a connection that many `stream`s share; `sending` is its writing half, `outbox`
              the bytes on their way.
`shared`      which of these a request takes, and who waits for one that is dialled.
`websocket`   a WebSocket's frames, out and in; `websocket_handshake` checks how it began,
              `permessage_deflate` compresses it (`websocket_extension`).
`client`      all of it in one hand, for `replay`.

Nothing here blocks, and nothing looks at a clock: whoever calls passes `now`, a monotonic
clock's nanoseconds.
"""
