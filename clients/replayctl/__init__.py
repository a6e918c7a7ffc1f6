"""replayctl: the command line on the client library.

`main`      where the process starts
`cli`       the global options; it loads only the verb that is asked for, and turns what
            goes wrong into a sentence and an exit code
`commands`  one file a verb: parse, call, show
`connect`   the client for the address that was given
`output`    text for people or JSON for programs, on stdout; talk on stderr
`events`    one line of text for an event; `contents` bodies; `printable` makes bytes safe
`outcome`   what became of a batch, for `enqueue --wait`
`waiting`   follows batches, `progress` shows how far something is
`dry_run`   shows what would be sent, `refusals` what would not or was not
`sources`   the files that are sent
`saving`    writes a batch to a file, for `export` and `enqueue --save`
`notes`     what is said beside the events, `absence` when the daemon is gone
`exits`     the exit codes
"""
