"""Damages journals in every way that disks and people do, and judges what comes of each.

`reference` makes a journal and remembers what is in it, `damage` harms copies of it, `judge`
checks, opens, reads and salvages each: what comes out is what was put in, or an error says
that it is not. `python -m tools.corrupt --help`.
"""
