"""The words that the whole daemon shares, as plain data. Pure: no I/O, no clock.

`flow` is what was captured, `plan` what will be sent, `replay` one run with its states,
`outcome` how it ended, `event` the kinds of facts in the log.
"""
