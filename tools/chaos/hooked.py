"""What a hook has decided, beside what the log says became of it."""

from flowreplay.v1 import event_pb2, reason_pb2

from tools.chaos.findings import Findings
from tools.chaos.flows import HOOK_STATUS
from tools.chaos.replays import Replay

_LOST = (reason_pb2.REASON_HOOK_GONE, reason_pb2.REASON_HOOK_LATE)
"""Why a hook's policy decides in its place."""


class Hooked:
    """Replays that a hook was asked about."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._ended: list[tuple[Replay, event_pb2.Event, str]] = []
        """How replays have ended: `killed` and `answered` by the hook, `lost` by its policy, `sent`
        else.
        """
        self._starts: list[float] = []
        """When the daemon was started."""
        self._undecided: set[Replay] = set()
        """The policy has let them go on."""
        self._kills = False
        """Whether its policy has ever been to kill."""
        self._decided: dict[tuple[str, int], tuple[str, float]] = {}

    def started(self, when: float) -> None:
        """The daemon was started: what it had asked before, and not sent, it may ask again, or send
        if there is no hook yet.
        """
        self._starts.append(when)

    # What the log says

    def note(self, replay: Replay, reason: int) -> None:
        """A note of the log about a replay."""
        if reason in _LOST:
            self._undecided.add(replay)

    def answered(self, replay: Replay, event: event_pb2.Event) -> None:
        """A replay was answered, by the hook or by its target."""
        if not event.response.answering_hook:
            self._ended.append((replay, event, "sent"))
            return
        replay.unsent = True
        self._ended.append((replay, event, "answered"))
        if replay.answer != (HOOK_STATUS, replay.key.replay_id.encode()):
            self._findings.add("hooks", f"{replay} has the answer {replay.answer} of the hook")

    def failed(self, replay: Replay, event: event_pb2.Event) -> None:
        """A replay has failed, or was killed."""
        reason = event.error.reason
        if reason == reason_pb2.REASON_HOOK_KILLED or reason in _LOST:
            replay.unsent = True
            how = "lost" if reason in _LOST else "killed"
            self._ended.append((replay, event, how))

    # What the hook says

    def attends(self, policy: str) -> None:
        """It comes, with a policy."""
        self._kills |= policy == "kill"

    def decided(self, replay_id: str, attempt: int, how: str, when: float) -> None:
        """It has decided."""
        self._decided[replay_id, attempt] = how, when

    def settle(self) -> None:
        """Compares both, once all was read."""
        for replay, event, how in self._ended:
            decided, when = self._decided.get((event.replay_id, event.attempt), ("", 0.0))
            if how == "lost":
                wrong = not self._kills
            elif how == "sent":
                wrong = bool(decided) and replay not in self._undecided
                wrong = wrong and self._in_one_life(when, event.record_time.ToNanoseconds() / 1e9)
            else:
                wrong = decided != how
            if wrong:
                said = f"{replay} ended as {how} at attempt {event.attempt}, decided was "
                self._findings.add("hooks", said + (decided or "nothing"))
        self._ended.clear()
        self._undecided.clear()
        self._decided.clear()

    def _in_one_life(self, first: float, last: float) -> bool:
        return not any(first < start < last for start in self._starts)
