"""Messages brought together by number; light imports; packages that are missing."""

import contextlib
import importlib
import subprocess
import sys

import pytest

from oakwright.apps.in_step import in_step
from oakwright.apps.need import need
from oakwright.errors import UsageError


class Message:
    def __init__(self, number, text=""):
        self.number, self.text = number, text

    def getSequenceNum(self):
        return self.number

    def getData(self):
        return self.text.encode()


class Queue:
    """Gives what it holds, then ends."""

    def __init__(self, messages):
        self.messages = list(messages)

    def get(self):
        if not self.messages:
            raise EOFError
        return self.messages.pop(0)


def together(plans, frames, seen, answers):
    queues = {
        "plan": Queue(Message(0, text) for text in plans),
        "frame": Queue(map(Message, frames)),
        "seen": Queue(map(Message, seen)),
        "answer": Queue(Message(n, text) for n, text in answers),
    }
    found = []
    # The end of a queue ends the pictures.
    with contextlib.suppress(EOFError):
        for one in in_step(queues):
            assert one.frame.number == one.seen.number == one.number
            assert all(answer.number == one.number for answer in one.answers.values())
            found.append((one.number, {i: a.text for i, a in one.answers.items()}))
    return found


def test_all_is_there():
    plans = ["3", "4 1 0", "7 2"]
    answers = [(4, "b"), (4, "a"), (7, "c")]
    wanted = [(3, {}), (4, {1: "b", 0: "a"}), (7, {2: "c"})]
    assert together(plans, [3, 4, 7], [3, 4, 7], answers) == wanted


@pytest.mark.parametrize(
    ("frames", "seen", "answers"),
    [
        ([3, 7], [3, 4, 7], [(4, "b"), (4, "a"), (7, "c")]),
        ([3, 4, 7], [3, 7], [(4, "b"), (4, "a"), (7, "c")]),
        ([3, 4, 7], [3, 4, 7], [(4, "b"), (7, "c")]),
        ([3, 4, 7], [3, 4, 7], [(7, "c")]),
        ([2, 3, 5, 7], [1, 3, 6, 7], [(2, "x"), (4, "b"), (5, "y"), (7, "c")]),
    ],
)
def test_a_picture_that_lacks_a_part_is_dropped_whole_and_no_other(frames, seen, answers):
    plans = ["3", "4 1 0", "7 2"]
    assert together(plans, frames, seen, answers) == [(3, {}), (7, {2: "c"})]


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys, oakwright.apps, oakwright.decode; "
        "print(sorted({'depthai', 'cv2', 'openvino', 'torch', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UsageError, match="the package cv2") as told:
        need("cv2")
    assert "oakwright[opencv]" in told.value.remedy
