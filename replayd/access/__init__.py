"""Who may call, and what: pure of gRPC, which `rpc` alone speaks.

`roles`     what a caller may do, and the refusal when it may not.
"""
