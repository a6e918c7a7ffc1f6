"""Hooks: clients that are asked about replays under way, and what becomes of their answers.

`words`   what is asked and answered, and what the replay thread is told in the end;
`as_flow` a replay as the flow that hooks are shown;
`hook`    one hook: its open questions, its deadline, what decides when it does not;
`change`  a request that a hook changed, planned anew;
`chain`   all hooks: who is asked when, one after the other.

All of it belongs to the event loop; the replay thread only hands over and is told. Loaded
when the first hook is registered. Knows no gRPC.
"""
