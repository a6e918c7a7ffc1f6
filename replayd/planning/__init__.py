"""From a flow to the bytes that are sent. Pure: no I/O, no clock, no randomness.

`refusal` says whether a flow may be replayed at all, `target_rules` whether its target
may be sent to; `http_versions` which version of HTTP it may leave with. `plan` assembles the
request of an accepted flow, with `to_http1` and `to_http2` for the form of a version that it
was not captured with, `framing` for how the content's end is marked, `destination` and
`connect_to` for the address that is dialled and `websocket` for what follows a WebSocket's
handshake; `section` has what all of them ask of a request's fields. `proxy` fits a plan to
an upstream proxy. `hosts` knows the spellings of hosts. What is sent differs from what was
captured in a few ways only, and each is named as a Change of the plan.
"""
