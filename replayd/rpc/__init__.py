"""The services: what clients call, on one event loop (grpc.aio).

`service` and `history` have a method for each RPC, `enqueue`, `watch` and `export` do what
the streams among them take, and `calls` is what both services share; `convert` makes
messages (pure), `status` maps errors to gRPC statuses in one table, `listen` settles who
may connect, and `server` puts it together and takes it down.
"""
