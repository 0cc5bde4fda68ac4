"""The two-hour run's own short version: a minute, the same kinds of faults, twice."""

import pytest

from bench.two_hours import Run, as_page, problems, run_once
from bench.two_hours_app import make_networks

MINUTES, FPS = 1.1, 4.0
FAULTS = [
    "drop@5%",
    "drop@1%,stream=answer,seed=5",
    "disconnect@12s:6s",
    "crash@25s:2s",
    "hang@40s:2s",
    "slow@60ms,from=3s,for=5s",
    "hot@56s:2s",
]


@pytest.mark.slow
def test_a_two_stage_application_goes_on_through_faults_and_repeats(tmp_path):
    networks = make_networks(tmp_path)
    first, second = (run_once(networks, MINUTES, FPS, FAULTS) for _ in range(2))
    # A minute is warm-up; how memory does over hours is the bench's to say.
    for run in (first, second):
        run.readings = [(minute, 0.0, age) for minute, _, age in run.readings]
    assert problems([first, second]) == []
    assert first.digest == second.digest
    assert first.boxes > first.frames
    assert first.given_up > 0
    assert first.devices >= 5
    assert first.losses["X_LINK_ERROR"] == 4
    assert "All goals are met." in as_page([first, second])


def good(**values):
    run = Run(10, 2, digest="a", frames=900, faults={"drop@5%": 3})
    run.readings = [(float(minute), 100.0, 5.0) for minute in range(11)]
    for name, value in values.items():
        setattr(run, name, value)
    return run


def test_every_goal_can_be_missed():
    grown = [(float(minute), 100.0 + 2 * minute, 5.0) for minute in range(11)]
    for values, words in (
        ({"readings": grown}, "memory grew by 18.0 MB"),
        ({"time_error_s": 1e-3}, "off by 0.001 s"),
        ({"boxes": 10, "far_off": 1}, "not their box's"),
        ({"out_of_order": 1}, "out of order"),
        ({"faults": {"crash@5s": 0}}, "never struck"),
        ({"frames": 100}, "hardly any frames"),
    ):
        missed = problems([good(**values), good(**values)])
        assert len(missed) == 2, values
        assert words in missed[0]
    assert problems([good(), good(digest="b")]) == ["the hashes differ"]
    assert problems([good(), good()]) == []
