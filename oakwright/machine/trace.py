"""What happens while a blob runs, as events.

A tracer is a function of one event. ``discard`` does nothing; ``write_trace`` keeps everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from oakwright.blob import Blob, Stage
from oakwright.errors import OutputError

from .kernels import Array


@dataclass(frozen=True)
class RunStart:
    """A sample is about to run; ``sample`` counts through the batch."""

    blob: Blob
    sample: int


@dataclass(frozen=True)
class StageStart:
    """A stage is about to run on ``inputs``, by role, with the axes of ``buffer.desc.axes``.

    ``step`` counts what has run before in this sample: stages in loops run more than once.
    """

    step: int
    stage: Stage
    inputs: Mapping[str, Array]


@dataclass(frozen=True)
class StageEnd:
    """A stage has written ``outputs``, by role, rounded to their types."""

    step: int
    stage: Stage
    outputs: Mapping[str, Array]


@dataclass(frozen=True)
class RunEnd:
    """All stages of a sample have run."""

    sample: int


Event = RunStart | StageStart | StageEnd | RunEnd


class Tracer(Protocol):
    """Is told every event, in order."""

    def __call__(self, event: Event) -> None:
        """Take one event; arrays in it may be kept, nobody changes them later."""


def discard(event: Event) -> None:
    """The default: nobody listens."""


class write_trace:
    """Write every event to a folder while the blob runs::

        with write_trace("trace") as tracer:
            run(blob, inputs, tracer=tracer)

    ``trace.jsonl`` has a line per stage: frame (runs, counted from 0), step, sample, index, type,
    shaves, and of each operand its role, place, type, shape and the name of its array;
    ``NNNNN.npz`` beside it holds the arrays of step NNNNN by those names. An older trace in the
    folder is replaced. Raises OutputError where the folder cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._frame = -1
        self._sample = 0
        self._steps = 0  # over all samples: the files' numbers
        self._arrays: dict[str, Array] = {}

    def __enter__(self) -> write_trace:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lines = self.folder / "trace.jsonl"
            if lines.exists():
                for old in self.folder.glob("[0-9][0-9][0-9][0-9][0-9]*.npz"):
                    old.unlink()
            self._lines = lines.open("w", encoding="utf-8")
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        try:
            if isinstance(event, RunStart):
                self._sample = event.sample
                self._frame += event.sample == 0
            elif isinstance(event, StageStart):
                self._arrays = {f"in.{role}": a for role, a in event.inputs.items()}
            elif isinstance(event, StageEnd):
                self._arrays |= {f"out.{role}": a for role, a in event.outputs.items()}
                self._write(event)
        except OSError as error:
            raise self._refused(error) from error

    def _write(self, event: StageEnd) -> None:
        stage, name = event.stage, f"{self._steps:05d}.npz"
        np.savez(self.folder / name, **self._arrays)  # type: ignore[arg-type]
        line = {
            "file": name,
            "frame": self._frame,
            "sample": self._sample,
            "step": event.step,
            "stage": stage.index,
            "type": stage.name,
            "injected": stage.is_injected,
            "shaves": stage.shaves,
            "operands": [
                {
                    "role": role,
                    "place": buffer.place,
                    "type": buffer.desc.data_type.name,
                    "shape": list(buffer.desc.shape),
                    "order": buffer.desc.axes,
                }
                for role, buffer in stage.operands.items()
            ],
            "arrays": list(self._arrays),
        }
        self._lines.write(json.dumps(line) + "\n")
        self._steps += 1

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write the trace to {self.folder}: {error.strerror or error}",
            remedy="give a folder that can be written and has room",
            path=str(self.folder),
        )
