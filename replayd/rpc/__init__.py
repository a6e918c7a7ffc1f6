"""The services: what clients call, on one event loop (grpc.aio).

`service` and `history` have a method for each RPC; `enqueue`, `plan`, `watch` and `export`
do what the streams among them take. `calls` is what both services share, `incoming` what
flows that come in do, `under_way` what a stop gives up; `convert` makes messages (pure),
`status` maps errors to gRPC statuses in one table, `listen` settles who may connect, and
`server` puts it together and takes it down.
"""
