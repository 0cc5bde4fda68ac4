"""What a run starts from: data, template with its anchors, classes and first weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from oakwright.dataset import Dataset, read, split_list
from oakwright.errors import CheckpointError, DatasetError, UsageError

from .anchors import fit, fit_to, stated
from .checkpoint import Checkpoint, check_fit, load
from .options import TrainOptions
from .pretrained import weights_for
from .ssd import Ssd
from .template import Template, read_template


@dataclass(frozen=True)
class Start:
    """``data`` to train on and ``validation``; ``resumed`` is the state to go on from, or None."""

    template: Template
    data: Dataset
    validation: Dataset
    network: Ssd
    statistics: Mapping[str, Any]
    source: str
    resumed: Mapping[str, Any] | None


def prepare(options: TrainOptions) -> Start:
    """Read everything and check that it fits, before any time is spent.

    Raises DatasetError, TemplateError, CheckpointError or UsageError.
    """
    path = options.resume_from or options.load_weights
    given = load(path) if path else None
    if options.resume_from and (given is None or not given.state):
        raise CheckpointError(
            f"{options.resume_from} does not hold what resuming needs",
            remedy="give the latest.pth of that run, or start anew with --load-weights",
            path=str(options.resume_from),
        )
    template = _template(options, given)
    data, validation = _data(options, given)
    statistics = _statistics(data)
    network = _network(options, given, template, data)
    is_detector = given is not None and given.classes is not None
    if not is_detector and template.recipe.fits_anchors:
        template = with_anchors(template, data)
        network.model = template.model
    statistics["anchor_fit"] = round(fit(_sizes(data), _anchor_sizes(template)), 4)
    source = given.source if given else str(template.trunk.get("source", ""))
    if not given and not options.pretrained:
        source = "from scratch"
    resumed = given.state if given is not None and options.resume_from else None
    before = given.statistics.get("fingerprint") if given is not None else None
    if resumed is not None and before != statistics["fingerprint"]:
        raise CheckpointError(
            f"{options.resume_from} was trained on other data than these",
            remedy="resume with the same files, or start anew from it with --load-weights",
            path=str(options.resume_from),
        )
    return Start(template, data, validation, network, statistics, source, resumed)


def with_anchors(template: Template, data: Dataset) -> Template:
    """The template with anchors found from the data's boxes."""
    table = dict(template.data)
    scales = fit_to(template.model, _sizes(data))
    table["model"] = {**table["model"], "scales": stated(scales)}
    return Template.of(table, template.name)


def _template(options: TrainOptions, given: Checkpoint | None) -> Template:
    # A run that goes on has the numbers it began with, whatever the template says by now.
    if options.template is None or options.resume_from:
        if given is None:
            raise UsageError(
                "neither a template nor weights to start from",
                remedy="--template NAME (`oakwright templates`) or --load-weights FILE",
            )
        return given.template
    template = read_template(options.template)
    if given is None or given.classes is None:
        return template
    if template.name != given.template.name:
        raise CheckpointError(
            f"the weights are of a {given.template.name}, the template is {template.name}",
            remedy="leave --template away, or start from that template's snapshot.pth",
        )
    # Its anchors are part of what a detector has learned.
    table = {**template.data, "model": given.template.data["model"]}
    return Template.of(table, template.name)


def _data(options: TrainOptions, given: Checkpoint | None) -> tuple[Dataset, Dataset]:
    known = list(given.classes) if given and given.classes is not None else None
    wanted = split_list(options.classes) if options.classes is not None else None
    if known is not None and wanted is not None and known != wanted:
        raise UsageError(
            f"--classes {','.join(wanted)}: the checkpoint was trained for {','.join(known)}",
            remedy="leave --classes away; for other classes start from a snapshot.pth",
            key="classes",
        )
    data = read(options.train_ann_files, options.train_data_roots, known or wanted)
    validation = read(options.val_ann_files, options.val_data_roots, data.classes)
    for name, dataset in (("training", data), ("validation", validation)):
        if not any((~sample.crowd).any() for sample in dataset.samples):
            raise DatasetError(
                f"the {name} set has no box of {', '.join(data.classes) or 'any class'}"
                f" in its {len(dataset)} pictures",
                remedy="look whether the files and the classes' names are the right ones",
            )
    return data, validation


def _network(
    options: TrainOptions, given: Checkpoint | None, template: Template, data: Dataset
) -> Ssd:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = Ssd(template.model, len(data.classes))
    if given is not None and given.classes is not None:
        check_fit(given.weights, network.state_dict())
        network.load_state_dict(dict(given.weights))
    elif given is not None:
        load_trunk(network, given.weights)
    elif options.pretrained:
        load_trunk(network, weights_for(template))
    return network


def load_trunk(network: Ssd, weights: Mapping[str, Any]) -> None:
    """Put a trunk's tensors in; blocks behind the network's last are left out."""
    wanted = network.trunk.state_dict()
    check_fit({name: weights[name] for name in wanted if name in weights}, wanted)
    network.trunk.load_state_dict({name: weights[name] for name in wanted})


def _statistics(data: Dataset) -> dict[str, Any]:
    digest = hashlib.sha256(repr(data.classes).encode())
    for sample in data.samples:
        digest.update(sample.path.name.encode())
        digest.update(sample.boxes.tobytes() + sample.labels.tobytes() + sample.crowd.tobytes())
    labels = np.concatenate([sample.labels for sample in data.samples])
    counts = np.bincount(labels, minlength=len(data.classes))
    return {
        "pictures": len(data),
        "boxes": {name: int(n) for name, n in zip(data.classes, counts, strict=True)},
        "fingerprint": digest.hexdigest(),
    }


def _sizes(data: Dataset) -> np.ndarray:
    """Width and height of every box in units of its picture: float64 [n, 2]."""
    parts = [
        (s.boxes[:, 2:] - s.boxes[:, :2])[~s.crowd].astype(np.float64) / [s.width, s.height]
        for s in data.samples
    ]
    return np.asarray(np.maximum(np.concatenate(parts), 1e-4))


def _anchor_sizes(template: Template) -> np.ndarray:
    return np.array([pair for scale in template.model.scales for pair in scale.anchors])


def settle(template: Template, options: TrainOptions, gpus: int) -> Template:
    """The template with the options' numbers in the place of its own."""
    from .recipe import FREEZE

    recipe = template.recipe
    changed = replace(
        recipe,
        epochs=options.epochs or recipe.epochs,
        batch_size=options.batch_size or recipe.batch_size,
        learning_rate=options.base_learning_rate or recipe.learning_rate,
        freeze=FREEZE["cuda" if gpus else "cpu"] if recipe.freeze < 0 else recipe.freeze,
    )
    table = dict(template.data)
    hyper = dict(table["hyper_parameters"])
    hyper["basic"] = {
        **hyper["basic"],
        "batch_size": changed.batch_size,
        "base_learning_rate": changed.learning_rate,
        "epochs": changed.epochs,
    }
    return replace(template, recipe=changed, data={**table, "hyper_parameters": hyper})
