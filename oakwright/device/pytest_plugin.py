"""The fixture ``virtual_oak``, registered by installing oakwright.

It is a function that gives an entered ``VirtualOak``, closed when the test ends::

    def test_my_application(virtual_oak):
        oak = virtual_oak(source="people.mp4")
        my_application.process(frames=20)
        assert oak.report()["streams"]["detections"]["taken"] == 20

A second call ends the first camera, whose report and digest stay. Where ``frames`` or ``seconds``
end the run, ``with`` says what they end, as for ``VirtualOak`` itself; the test goes on after it::

        with virtual_oak(frames=20) as oak:
            my_application.run_for_ever()
        assert oak.report()["streams"]["detections"]["taken"] == 20

Without it the test fails at that wait, and is told this: its assertions would not have been
reached.

Deterministic unless told otherwise. Nothing heavy is imported until a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .virtual import VirtualOak


@pytest.fixture
def virtual_oak() -> Iterator[Callable[..., VirtualOak]]:
    """A function with VirtualOak's arguments; what it gives is entered, and left for you."""
    from oakwright.errors import EndOfRun

    from .virtual import VirtualOak

    made: list[VirtualOak] = []

    def end() -> None:
        # Its own ``with`` may have ended it, and the test entered another one since.
        if made and VirtualOak._active is made[-1]:
            made[-1].__exit__(None, None, None)

    def make(source: Any = "pattern", *, deterministic: bool = True, **options: Any) -> VirtualOak:
        end()
        made.append(VirtualOak(source, deterministic=deterministic, **options).__enter__())
        if made[-1].session is not None:
            made[-1].session.scheduler.end = lambda: EndOfRun(
                "the frames or seconds that were asked for are over, and the test is not",
                remedy="put what they are to end into `with virtual_oak(...):`, assert after it",
            )
        return made[-1]

    yield make
    end()
