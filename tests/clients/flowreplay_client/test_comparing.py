"""How responses are compared, as settings."""

from flowreplay.v1.history_pb2 import DiffRequest
from flowreplay.v1.replay_pb2 import COMPARE_MODE_OFF, EnqueueOptions
from flowreplay_client.comparing import diff_request, fill_comparing


def test_settings_of_an_enqueue() -> None:
    options = EnqueueOptions()
    fill_comparing(options, {})
    assert options == EnqueueOptions()
    fill_comparing(
        options,
        {
            "compare": False,
            "ignored_differences": ["status"],
            "compare_volatile": True,
            "learn_noise": True,
        },
    )
    assert options == EnqueueOptions(
        compare=COMPARE_MODE_OFF,
        ignored_differences=["status"],
        compare_volatile=True,
        learn_noise=True,
    )


def test_settings_of_a_diff() -> None:
    asked = diff_request("b", {"replay_ids": ("b.1",), "include_equal": True})
    assert asked == DiffRequest(batch_id="b", replay_ids=["b.1"], include_equal=True)
