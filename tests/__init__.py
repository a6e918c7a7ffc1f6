"""The tests: a tree that mirrors the source, and beside it

`contract`  what the .proto files promise, and that the code agrees with them;
`system`    the daemon as a process, with real clients and real servers;
`docs`      every example of README.md and docs/, run as typed;
`support`   what tests share; `data` real captures with their origin.
"""
