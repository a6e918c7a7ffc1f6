"""THE replay thread: takes replays, sends them, records how they ended.

`thread`     the loop: the only place that waits.
`exchange`   one replay on its way, a small state machine: connection, transfer, outcome.
`plain`      one of which nothing more is needed than to send and to receive once, as of nearly
             all; hands everything else to an exchange.
`hooked`     how hooks are asked about it, where there are any.
`connecting` how it comes by its connection: kept, shared, waited for or dialled.
`transfer`   one request and its response; `http1` is it on a connection of its own, `http2`
             on a stream of one that is shared. `transfers` chooses.
`websocket`  a transfer that becomes a `conversation`, which says what `websocket_script`
             takes from the capture and keeps a `transcript`.
`second_try` which failures are followed by a second try.
`deadlines`  which of them is late.
`pace`       which response merely drips.
`recorder`   hands outcomes and events to the journal and decides when to commit.
`clock`      both clocks, so that tests can bring their own.
"""
