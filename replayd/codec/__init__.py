"""Model to generated messages and back. Pure: no grpc, no I/O, no clock.

`flow` and `plan` convert, `event` encodes the facts of the log (once, when they happen),
`row` frames what the decoder hands over, `cursor` is the text of a place in the log.
"""
