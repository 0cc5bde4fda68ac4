"""A model as a front end read it, with a way to ask its own framework for the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov


@dataclass(frozen=True)
class Reference:
    """The source framework, run on arrays: what the converted model must agree with.

    ``run`` takes one array per model input, in order, and gives one per output, in order.
    ``seconds_per_gmac`` says how slow it is, so that nobody waits a minute unasked.
    ``intermediates``, where the framework can tell: every tensor's value by its name.
    """

    name: str
    run: Callable[[Sequence[np.ndarray]], list[np.ndarray]]
    seconds_per_gmac: float = 0.1
    intermediates: Callable[[Sequence[np.ndarray]], dict[str, np.ndarray]] | None = None


@dataclass(frozen=True)
class Source:
    """A model that was read: ``model`` may still have dynamic shapes; it is never changed."""

    model: ov.Model
    kind: str
    name: str
    front_end: str
    reference: Reference | None = None
    notes: tuple[str, ...] = field(default=())
    origins: Mapping[str, str] = field(default_factory=dict)  # layer -> its name in the source
    channels_last: bool = False  # the framework's images are NHWC where a shape could be either
