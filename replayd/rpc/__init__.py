"""The services: what clients call, on one event loop (grpc.aio).

`service` has a method for each RPC, `enqueue` and `watch` the two that are streams;
`convert` makes messages (pure), `status` maps errors to gRPC statuses in one table,
`listen` settles who may connect, and `server` puts it together and takes it down.
"""
