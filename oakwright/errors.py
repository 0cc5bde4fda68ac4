"""Every error oakwright raises on purpose.

::

    OakwrightError
    ├── UsageError             an option or argument that makes no sense
    ├── ModelError             the model that was given
    │   ├── UnreadableModel        path, format, reason
    │   ├── UnsupportedModel       layers the engine would refuse, all of them at once
    │   └── ConversionMismatch     legalised model and source disagree: first layer, difference
    ├── CompileError           the engine refused: its own message, the layer
    │   ├── EngineNotFound         where we looked, how to get it
    │   └── EngineCrashed          signal, time-out or memory limit of the compile process
    ├── BlobError              a blob's bytes; always with an offset
    │   ├── NotABlob
    │   └── TruncatedBlob
    ├── RunError               a stage the machine or the decompiler cannot run: index, type
    ├── DeviceError            the virtual device; a RuntimeError too, as depthai's are
    │   ├── PipelineError          a pipeline it cannot run: all findings, by node and field
    │   ├── NodeError              a node failed while running: node, stream
    │   ├── Deadlock               nobody can go on: who waits for whom
    │   └── SourceError            frames could not be had: path, reason
    ├── DatasetError           pictures with boxes: all findings, by file and line
    ├── TrainingError          a training that cannot go on: step, reason
    │   ├── TemplateError          a template.yaml: file, key, value
    │   └── CheckpointError        a checkpoint that cannot be read or does not fit: path
    ├── EndOfRun               the frames or seconds asked for are over
    ├── RemoteError            a converter server that could not be asked, or refused: url, status
    └── OutputError            a result could not be written: path, reason

Each message says what is wrong and where; ``remedy`` says what to try. Whatever names the
place (a layer, a byte offset, a file) is also a field, so that a program need not parse text.
"""

from __future__ import annotations

from typing import Any


class OakwrightError(Exception):
    """Anything oakwright refuses, with the place and a remedy.

    ``message`` is one sentence without the remedy; ``remedy`` may be empty; every keyword
    given besides becomes a field of ``where`` and an attribute of the error::

        try:
            oakwright.convert("model.onnx")
        except oakwright.OakwrightError as error:
            print(error.message, error.remedy, error.where)
    """

    def __init__(self, message: str, *, remedy: str = "", **where: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.where = where

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["where"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders (the compile child, test workers): keep every field.
        return _rebuild, (type(self), self.message, self.remedy, self.where)

    def __str__(self) -> str:
        return f"{self.message}\n  try: {self.remedy}" if self.remedy else self.message


def _rebuild(
    kind: type[OakwrightError], message: str, remedy: str, where: dict[str, Any]
) -> OakwrightError:
    return kind(message, remedy=remedy, **where)


class UsageError(OakwrightError):
    """An option or argument that makes no sense, or two that exclude each other."""


class ModelError(OakwrightError):
    """Something about the model that was given."""


class UnreadableModel(ModelError):
    """The file is not a model of a kind we read, or is damaged. Fields: ``path``."""


class UnsupportedModel(ModelError):
    """Layers the engine would refuse. Fields: ``findings``, one entry per layer."""


class ConversionMismatch(ModelError):
    """The legalised model does not compute what its source computes.

    Fields: ``layer``, ``difference`` (max |a - b| / max |b|).
    """


class CompileError(OakwrightError):
    """The engine refused the IR. Fields: ``layer`` where it named one, ``engine_message``."""


class EngineNotFound(CompileError):
    """The compile engine is not on this machine, or cannot run on this platform."""


class EngineCrashed(CompileError):
    """The compile process died, hung or ran out of memory. Fields: ``reason``."""


class BlobError(OakwrightError):
    """A blob's bytes contradict the format. Fields: ``offset`` in bytes from the start."""

    def __init__(self, message: str, *, offset: int, remedy: str = "", **where: Any) -> None:
        super().__init__(message, remedy=remedy, offset=offset, **where)

    def __str__(self) -> str:
        text = f"{self.message} (at byte {self.where['offset']})"
        return f"{text}\n  try: {self.remedy}" if self.remedy else text


class NotABlob(BlobError):
    """The file does not start as a Myriad X blob does."""


class TruncatedBlob(BlobError):
    """A field or section lies beyond the end of the file."""


class RunError(OakwrightError):
    """A stage cannot be executed or lifted. Fields: ``stage`` (index), ``type`` (its name)."""


class DeviceError(OakwrightError, RuntimeError):
    """Something about a virtual device.

    A RuntimeError too, as every error of a real device is: scripts catch that to try again.
    """


class PipelineError(DeviceError):
    """A pipeline the virtual device cannot run as written. Fields: ``findings``, one each."""


class NodeError(DeviceError):
    """A node failed while it ran. Fields: ``node``."""


class Deadlock(DeviceError):
    """Nobody can go on. Fields: ``waiting``, one line for each who waits."""


class SourceError(DeviceError):
    """A source of frames cannot be opened or read. Fields: ``path`` where there is one."""


class DatasetError(OakwrightError):
    """Pictures or annotations that cannot be used. Fields: ``findings``, ``path``, ``line``."""


class TrainingError(OakwrightError):
    """A training cannot start or go on. Fields: ``step`` where it had begun."""


class TemplateError(TrainingError):
    """A template of a detector makes no sense. Fields: ``path``, ``key``, ``value``."""


class CheckpointError(TrainingError):
    """A checkpoint is damaged, or belongs to another training. Fields: ``path``."""


class EndOfRun(OakwrightError):
    """The frames or seconds that were asked for are over; ``VirtualOak`` takes it for the end.

    No DeviceError: a loop that tries again after every RuntimeError must not catch it for ever.
    """


class RemoteError(OakwrightError):
    """A converter server could not be asked, or refused. Fields: ``url``, ``status`` if any."""


class OutputError(OakwrightError):
    """A result could not be written; nothing half-written is left. Fields: ``path``."""
