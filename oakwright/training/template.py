"""A template: a named recipe for a detector as data, in the keys of OTE's ``template.yaml``.

The packaged ones lie in ``templates/``; ``base`` in a template names one whose keys it takes over.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from oakwright.errors import TemplateError
from oakwright.files import PathLike

from .recipe import Recipe, read_recipe
from .values import Reader

# The trunk's outputs that may have a head, by OTE's numbers, and their strides.
STAGES = {4: 16, 5: 32}
LARGEST_SIDE = 2048
_LONGEST = 1 << 18
_MOST_ANCHORS = 32


@dataclass(frozen=True)
class Scale:
    """A map of the trunk with a head: ``stage`` of STAGES, anchors as (width, height) in 0..1."""

    stage: int
    anchors: tuple[tuple[float, float], ...]

    @property
    def stride(self) -> int:
        """Pixels of the input from one cell to the next."""
        return STAGES[self.stage]


@dataclass(frozen=True)
class Model:
    """The network: input size in pixels, what its input means, its scales, what is a detection.

    The input is float32 [n, 3, height, width] in the order ``color``: (byte - mean) / scale.
    ``score`` is the least confidence, ``iou`` the overlap above which the lesser of two boxes of
    one class goes, ``most`` how many stay in a picture. ``width_multiplier``: of the trunk's
    channels, the paper's alpha; below 1 there are no ImageNet weights.
    """

    width: int
    height: int
    color: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    scales: tuple[Scale, ...]
    score: float
    iou: float
    most: int
    backbone: str = "mobilenet_v2"
    width_multiplier: float = 1.0

    @property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each scale's map."""
        return tuple((-(-self.height // s.stride), -(-self.width // s.stride)) for s in self.scales)


@dataclass(frozen=True)
class Template:
    """A validated template; ``data`` holds every key as it was, for writing it again."""

    name: str
    summary: str
    model: Model
    recipe: Recipe
    data: Mapping[str, Any]

    @classmethod
    def of(cls, data: Any, path: PathLike = "template.yaml") -> Template:
        """Check ``data`` as read from YAML. Raises TemplateError: file, key, value."""
        reader = Reader(data, str(path))
        name = reader.text("name")
        summary = reader.text("summary", "")
        recipe = read_recipe(reader.table("hyper_parameters"))
        return cls(name, summary, _model(reader.table("model")), recipe, copy.deepcopy(dict(data)))

    @property
    def trunk(self) -> Mapping[str, Any]:
        """The dependency that its snapshot.pth is made of; empty if it names none."""
        for entry in self.data.get("dependencies") or ():
            if isinstance(entry, Mapping) and entry.get("destination") == "snapshot.pth":
                return entry
        return {}

    def expected(self) -> str:
        """What it reached where it was measured, in a line; empty where it was not."""
        entry = self.data.get("expected")
        if not isinstance(entry, Mapping) or not {"data", "cpu_minutes", "AP"} <= entry.keys():
            return ""
        minutes, ap = entry["cpu_minutes"], entry["AP"]
        return f"Expect on {entry['data']}: AP {ap} after {minutes} processor minutes."

    def to_yaml(self) -> str:
        """The template as a file."""
        import yaml

        return str(yaml.safe_dump(dict(self.data), sort_keys=False, allow_unicode=True, width=100))


def names() -> list[str]:
    """The packaged templates."""
    files = resources.files("oakwright.training").joinpath("templates").iterdir()
    stems = (file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
    return sorted(stem for stem in stems if stem != "base")


def read_template(name_or_path: PathLike) -> Template:
    """A packaged template by its name, or a file. Raises TemplateError."""
    text = str(name_or_path)
    if text in names():
        return Template.of(_packaged(text), f"{text}.yaml")
    path = Path(text)
    if path.is_dir():
        path /= "template.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(path.name, names(), 1, 0.3)
        raise TemplateError(
            f"there is no template {text}",
            remedy=f"did you mean {near[0]}? " if near else "`oakwright templates` lists them",
            path=text,
        )
    data = _load(_text(path), str(path))
    if isinstance(data, dict) and "base" in data:
        base = data.pop("base")
        if base not in [*names(), "base"]:
            raise TemplateError(
                f"{path}: base {base} is no packaged template", path=str(path), key="base"
            )
        data = _merge(_packaged(base), data)
    return Template.of(data, path)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST:
            raise TemplateError(f"{path} is too long for a template", path=str(path))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path} cannot be read: {error}", path=str(path)) from error


def _load(text: str, path: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise TemplateError(f"{path} is no YAML: {reason}", path=path) from error


def _packaged(name: str) -> dict[str, Any]:
    folder = resources.files("oakwright.training").joinpath("templates")
    data = _load(folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")
    base = data.pop("base", None)
    own: dict[str, Any] = _merge(_packaged(base), data) if base else data
    first: dict[str, Any] = {key: own[key] for key in ("name", "summary") if key in own}
    return {**first, **own}


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, table by table."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        is_table = isinstance(value, dict) and isinstance(old, dict)
        merged[key] = _merge(old, value) if is_table else value  # type: ignore[arg-type]
    return merged


def _model(reader: Reader) -> Model:
    reader.one_of("backbone", ("mobilenet_v2",))
    width, height = reader.numbers("input_size", 2)
    for side in (width, height):
        if side != int(side) or not 32 <= side <= LARGEST_SIDE or side % 32:
            reader.refuse("input_size", f"width, height: multiples of 32 up to {LARGEST_SIDE}")
    detection = reader.table("detection")
    scales = tuple(_scale(row) for row in reader.tables("scales", 1, len(STAGES)))
    stages = [scale.stage for scale in scales]
    if stages != sorted(set(stages)):
        reader.refuse("scales", "each stage once, in order")
    mean, scale = reader.numbers("mean", 3), reader.numbers("scale", 3)
    if min(scale) <= 0:
        reader.refuse("scale", "above 0")
    return Model(
        width=int(width),
        height=int(height),
        color=reader.one_of("color", ("RGB", "BGR")),
        mean=(mean[0], mean[1], mean[2]),
        scale=(scale[0], scale[1], scale[2]),
        scales=scales,
        score=detection.number("score", 0, 1),
        iou=detection.number("iou", 0.05, 1),
        most=detection.whole("most", 1, 1000),
        width_multiplier=_multiplier(reader),
    )


def _multiplier(reader: Reader) -> float:
    # Templates and checkpoints written before there was one have whole trunks.
    return reader.number("width_multiplier", 0.1, 1) if "width_multiplier" in reader.data else 1.0


def _scale(reader: Reader) -> Scale:
    stage = reader.whole("stage", min(STAGES), max(STAGES))
    rows = reader.get("anchors")
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST_ANCHORS:
        reader.refuse("anchors", f"1 to {_MOST_ANCHORS} pairs of width and height")
    pairs = [
        Reader({"anchors": row}, reader.path, reader.key).numbers("anchors", 2) for row in rows
    ]
    if not all(0 < side <= 2 for pair in pairs for side in pair):
        reader.refuse("anchors", "sides above 0 and up to 2, in units of the input")
    return Scale(stage, tuple((pair[0], pair[1]) for pair in pairs))
