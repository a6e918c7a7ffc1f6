"""`make fidelity`: replays captures against a byte recorder and judges what arrives.

`captures`  which files are captures, and the flows in each.
`captured`  a request as its capture has it, and its own bytes.
`allowed`   those bytes with the changes that docs/fidelity.md allows, and no others.
`http2`     both for HTTP/2, which has no such bytes, and its judge.
`judge`     compares what arrived with the two. Nothing of the daemon's planning is used.
`arrivals`  what arrived, by connection.
`ours`      replays a capture through a real daemon.
`theirs`    replays it with mitmproxy's client replay (`addon` runs inside mitmdump).
`score`     counts, for one capture or many.
`report`    the scores as text and as JSON.
"""
