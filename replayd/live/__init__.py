"""Live values: what the replayed server answers takes the place of what was recorded.

Pure: no I/O, no clock. `sources` finds values in an answer (`json_path` in JSON), `recorded`
does so in the recorded one, when a flow is taken in. While a batch runs, a `scope` has the
`values` that were carried and the cookies in its `jar` (`set_cookie` reads what servers say),
and `editing` puts them into later requests, of which everything else stays as captured.
"""
