"""What becomes of the journal when the disk under it loses power, is full, or fails.

`loops`     a disk that can lose its power: all that was not flushed is gone.
`boots`     what a cut changes besides the disk.
`powercut`  `make powercut`: cuts under load, and three books compared after each.
`tmpfs`     a disk of which as much is free as one wants.
`diskfull`  `make diskfull`: a disk that fills and is freed again, under load.
`ioerrors`  `make ioerrors`: each call to the disk fails once.

The load, the books and their comparing are those of `tools.chaos`. It takes root.
"""
