"""The durable queue and event log in one store, behind one small interface.

`interface` has the Journal protocol and its promises; `memory` and `sqlite` implement
it, and one conformance suite holds both to it.
"""
