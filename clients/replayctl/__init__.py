"""replayctl: the command line on the client library.

`main`      the command and its global options; it loads only the verb that is asked for
`commands`  one file a verb: parse, call, show
`connect`   the client for the address that was given
`output`    text for people or JSON for programs, on stdout; talk on stderr
`events`    one line of text for an event; `contents` bodies; `printable` makes bytes safe
`outcome`   what became of a batch, for `enqueue --wait`
`exits`     the exit codes, and which error ends with which
"""
