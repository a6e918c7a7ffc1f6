"""`make fuzz`: damaged and hostile captures, through all that an Enqueue does with them, and
what hostile servers and proxies send, through all that reads it.

`seeds`     small captures to begin with: the tests' own, cut into records, and made ones.
`octets`    changes bytes. `trees` changes structures: JSON, tnetstrings, archives.
`written`   structures as the captures that they stand for.
`recipes`   a format's inputs: its seeds, what they are changed by, how they are written.
`case`      one input with the way in which it is tried, by format, seed and number.
`enqueue`   what an Enqueue does with it, from the capture's bytes to what is stored.
`answers`   what servers and proxies send, made at random.
`reading`   what the daemon does with it, to its end.
`limits`    the time and the memory that one input may take.
`finding`   what must not happen, saved with the one command that repeats it.
`report`    what came of it all, in words.
`series`    the engine `own`: numbered inputs, in processes of their own, counted.
`guided`    the engine `atheris`: libFuzzer looks for inputs that reach new code.

Engine `own` is fast and gives the same inputs for the same seed, on any machine; `atheris`
learns which bytes matter, at a tenth of the speed.
"""
