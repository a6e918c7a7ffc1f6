"""`make chaos`: the daemon is killed again and again, and the books have to balance.

`plan`      what happens in a round; it follows from the seed.
`flows`     the flows: each says in its path whose it is and how to answer it.
`target`    the server that they are sent to, a process that writes each request down;
`speaking`  what it speaks: HTTP/1.1, HTTP/2, WebSocket.
`client`    a process that calls the daemon and writes down what it was told.
`caller`    what all that it does has in common.
`enqueuing` how it enqueues;
`control`   how it counts, clears, pauses and cancels;
`once_more` how it has replays sent once more;
`steering`  how it pauses, steps and moves one batch.
`hooker`    a process that is a hook, and writes down what it decides.
`marks`     what it notes in the target's book.
`watcher`   a process of watchers that write down what they were shown.
`failpoints` named places in the daemon's code at which it kills itself.
`bugs`      what a daemon might do wrong, to be put in on purpose.
`mistakes`  the wrong methods of which they are made.
`wrapping`  how both are put in from outside; `launch` starts a daemon with them.
`daemon`    the daemon's process: start, signals, end.
`crew`      the processes of clients and watchers.
`world`     all processes together, and what is counted of what happens to them.
`rounds`    lives of the daemon, one after the other.
`audit`     bringing everything to rest in between, to compare the books.
`controls`  `make chaos-controls`: runs with a bug each, which have to find it.
`log`       what the event log says of every replay;
`replays`   the replays and batches of which it tells;
`copies`    which of them send others again;
`hooked`    what hooks had decided of them;
`live`      which live values they had to be sent with.
`told`      what was told and shown, beside the log.
`arrivals`  what reached the target, beside the log.
`books`     all three, read and compared as they grow.
`findings`  what must not happen.
`figures`   what a run came to; runs add up.

accepted = succeeded + failed + killed + interrupted + cleared + queued + running, always.
"""
