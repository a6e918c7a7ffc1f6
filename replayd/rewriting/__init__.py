"""Rewriting: what a batch asks to be changed of its flows' requests before they are planned.

`rules` has what may be asked for, checked and compiled; `rewriter` does it to a flow, in the
one order that there is, and names each change. `fields` has the header fields and cookies,
`urls` where a request goes and its URL, `contents` the contents and messages.

Pure: flows in, flows out. What no rule touches stays as captured, byte for byte.
"""
