"""The fixture ``virtual_oak``, registered by installing oakwright.

It is a function that gives an entered ``VirtualOak``, closed when the test ends::

    def test_my_application(virtual_oak):
        oak = virtual_oak(source="people.mp4")
        my_application.process(frames=20)
        assert oak.report()["streams"]["detections"]["taken"] == 20

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
    from .virtual import VirtualOak

    entered: list[VirtualOak] = []

    def make(source: Any = "pattern", *, deterministic: bool = True, **options: Any) -> VirtualOak:
        oak = VirtualOak(source, deterministic=deterministic, **options)
        entered.append(oak.__enter__())
        return oak

    yield make
    for oak in reversed(entered):
        oak.__exit__(None, None, None)
