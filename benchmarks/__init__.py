"""What measures replayd: commands, each a module to run.

`run`       `make bench`: rates, latencies and costs, beside peers and bare loops;
`curves`    `make curves`: what a flow costs as things grow (`growing`); `pictures` draws it;
`large`     `make large`: the memory and time that large captures need;
`profile`   `make profile`: the replay thread's CPU, by function; it runs `inside` one process.

A run of the first, in the order in which things are needed:

`workloads` which requests are sent, how many at once, on which cores;
`machine`   the cores, and what the disk takes;
`targets`   what is replayed against: nginx, or `target`, the bundled server; both count;
`replays`   replayd at work, followed by `watcher`s, its books checked;
`enqueues`, `depth`, `long_log`, `costs`  replayd taking flows in, with a long queue, with a
            long log, at rest;
`contenders` who is beside it: `baseline` (bare sockets), `peers`, `mitmproxy`, `goreplay`;
`rounds`    all of it once, in turn;
`figures`   medians and ratios over rounds, `goals` what they should be, `report` says it.

`processes` and `memory` serve both commands; `exchanges` and `large_captures` make what
`large` reads. README.md says what the figures say, and what they do not.
"""
