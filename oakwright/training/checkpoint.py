"""A checkpoint: weights, template, classes and what the data were like; no code in it.

Written by torch.save as plain tables and tensors, read with ``weights_only``: a stranger's file
can run nothing.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import CheckpointError, TemplateError
from oakwright.files import PathLike, write_aside

from .template import Template

KIND = "oakwright.checkpoint"
VERSION = 1
_LARGEST = 1 << 30
_MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Checkpoint:
    """A detector, or only the trunk of one.

    ``weights``: tensors by name; of a trained one, the running mean over the steps (EMA).
    ``classes``: None where it is a trunk. ``source`` says where a trunk is from.
    ``statistics``: what the training data were like. ``state``: what resuming needs, or None.
    ``rounding``: of a compressed one, where its numbers are rounded (see quantised.py).
    """

    template: Template
    classes: tuple[str, ...] | None
    weights: Mapping[str, Any]
    statistics: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    state: Mapping[str, Any] | None = None
    rounding: str | None = None

    @property
    def anchors(self) -> np.ndarray:
        """Left, top, right, bottom of every anchor in units of the input: float32 [A, 4]."""
        from .anchors import priors

        return priors(self.template.model)

    def network(self) -> Any:
        """The detector in eval mode: see :class:`oakwright.training.ssd.Ssd`.

        Raises CheckpointError for a trunk, or where weights and template do not fit.
        """
        from .ssd import Ssd

        if self.classes is None:
            raise CheckpointError(
                "this is the trunk only, not a trained detector: it finds nothing yet",
                remedy="train it: oakwright train --load-weights snapshot.pth ...",
            )
        network: Any = Ssd(self.template.model, len(self.classes))
        if self.rounding is not None:
            from .quantised import rebuilt

            network = rebuilt(network, self.rounding)
        check_fit(self.weights, network.state_dict())
        network.load_state_dict(dict(self.weights))
        return network.eval()


def save(checkpoint: Checkpoint, path: PathLike) -> Path:
    """Write a checkpoint in one step. Raises OutputError; an older one is then still there."""
    import torch

    buffer = io.BytesIO()
    torch.save(content(checkpoint), buffer)
    return write_aside(path, buffer.getvalue())


def content(checkpoint: Checkpoint) -> dict[str, Any]:
    """The file's content: tables, texts, numbers and tensors."""
    return {
        "kind": KIND,
        "version": VERSION,
        "template": dict(checkpoint.template.data),
        "classes": list(checkpoint.classes) if checkpoint.classes is not None else None,
        "weights": {name: t.detach().cpu() for name, t in checkpoint.weights.items()},
        "statistics": dict(checkpoint.statistics),
        "source": checkpoint.source,
        "state": dict(checkpoint.state) if checkpoint.state is not None else None,
        "rounding": checkpoint.rounding,
    }


def load(path: PathLike) -> Checkpoint:
    """Read a checkpoint. Raises CheckpointError with ``path``."""
    place = Path(path)
    read = _read(place)
    if not isinstance(read, dict) or read.get("kind") != KIND:
        raise _bad(place, "it is a PyTorch file, but no checkpoint of oakwright")
    if read.get("version") != VERSION:
        raise _bad(place, f"its version is {read.get('version')!r}, {VERSION} is known")
    try:
        template = Template.of(read.get("template"), place)
    except TemplateError as error:
        raise _bad(place, f"its template: {error.message}") from error
    classes, weights = read.get("classes"), read.get("weights")
    if classes is not None and not _are_classes(classes):
        raise _bad(place, "its classes are no list of different names")
    if not isinstance(weights, dict) or not _are_tensors(weights):
        raise _bad(place, "its weights are no table of tensors")
    statistics, state = read.get("statistics"), read.get("state")
    if not isinstance(statistics, dict) or not isinstance(state, (dict, type(None))):
        raise _bad(place, "its statistics or its state are no tables")
    rounding = read.get("rounding")
    if not isinstance(rounding, (str, type(None))):
        raise _bad(place, "its rounding is no text")
    return Checkpoint(
        template=template,
        classes=tuple(classes) if classes is not None else None,
        weights=weights,
        statistics=statistics,
        source=str(read.get("source") or "")[:500],
        state=state,
        rounding=rounding,
    )


def check_fit(weights: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise CheckpointError naming the first tensor that is missing, too much or of other shape."""
    for name, tensor in wanted.items():
        if name not in weights:
            raise CheckpointError(f"the checkpoint has no weights {name}", name=name)
        if tuple(weights[name].shape) != tuple(tensor.shape):
            raise CheckpointError(
                f"the weights {name} are of shape {list(weights[name].shape)},"
                f" the template's network has {list(tensor.shape)}",
                name=name,
            )
    for name in weights:
        if name not in wanted:
            raise CheckpointError(
                f"the checkpoint has weights {name}, the template's network has not", name=name
            )


def _read(place: Path) -> Any:
    import torch

    try:
        if place.stat().st_size > _LARGEST:
            raise _bad(place, f"it is larger than {_LARGEST >> 20} MB")
        return torch.load(place, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            f"there is no checkpoint {place}",
            remedy="training writes latest.pth and best.pth to --save-checkpoints-to",
            path=str(place),
        ) from None
    except IsADirectoryError:
        raise _bad(place, "it is a folder") from None
    except pickle.UnpicklingError as error:
        raise _bad(place, "it holds more than weights, or is damaged") from error
    # torch's readers raise RuntimeError, EOFError, KeyError, ... for damaged files.
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError,
            zipfile.BadZipFile, MemoryError, OverflowError, AssertionError) as error:  # fmt: skip
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise _bad(place, reason) from error


def _bad(place: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{place} cannot be used as a checkpoint: {reason}",
        remedy="give latest.pth or best.pth of a training, or a snapshot.pth",
        path=str(place),
        reason=reason,
    )


def _are_classes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= _MOST_CLASSES
        and all(isinstance(name, str) and 0 < len(name) < 500 for name in value)
        and len(set(value)) == len(value)
    )


def _are_tensors(value: Any) -> bool:
    import torch

    return isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(tensor, torch.Tensor)
        and tensor.layout == torch.strided
        for name, tensor in value.items()
    )
