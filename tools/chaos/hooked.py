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
        self._ended: list[tuple[Replay, int, str]] = []
        """How replays have ended, at which attempt: `killed` and `answered` by the hook, `lost` by
        its policy, `sent` else.
        """
        self._undecided: set[Replay] = set()
        """The policy has let them go on."""
        self._kills = False
        """Whether its policy has ever been to kill."""
        self._decided: dict[tuple[str, int], str] = {}

    # What the log says

    def note(self, replay: Replay, reason: int) -> None:
        """A note of the log about a replay."""
        if reason in _LOST:
            self._undecided.add(replay)

    def answered(self, replay: Replay, attempt: int, response: event_pb2.ResponseEvent) -> None:
        """A replay was answered, by the hook or by its target."""
        if not response.answering_hook:
            self._ended.append((replay, attempt, "sent"))
            return
        replay.unsent = True
        self._ended.append((replay, attempt, "answered"))
        if replay.answer != (HOOK_STATUS, replay.key.replay_id.encode()):
            self._findings.add("hooks", f"{replay} has the answer {replay.answer} of the hook")

    def failed(self, replay: Replay, attempt: int, reason: int) -> None:
        """A replay has failed, or was killed."""
        if reason == reason_pb2.REASON_HOOK_KILLED or reason in _LOST:
            replay.unsent = True
            how = "lost" if reason in _LOST else "killed"
            self._ended.append((replay, attempt, how))

    # What the hook says

    def attends(self, policy: str) -> None:
        """It comes, with a policy."""
        self._kills |= policy == "kill"

    def decided(self, replay_id: str, attempt: int, how: str) -> None:
        """It has decided."""
        self._decided[replay_id, attempt] = how

    def settle(self) -> None:
        """Compares both, once all was read."""
        for replay, attempt, how in self._ended:
            decided = self._decided.get((replay.key.replay_id, attempt))
            if how == "lost":
                wrong = not self._kills
            elif how == "sent":
                wrong = decided is not None and replay not in self._undecided
            else:
                wrong = decided != how
            if wrong:
                said = f"{replay} ended as {how} at attempt {attempt}, decided was {decided}"
                self._findings.add("hooks", said)
        self._ended.clear()
        self._undecided.clear()
        self._decided.clear()
