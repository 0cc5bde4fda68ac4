"""From a folder of pictures with boxes to a detector on the virtual OAK, in one call.

Check, split where there is no part to measure on, train, evaluate, export, compile, run the
exported script over the validation pictures, and a page that shows all of it.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from oakwright import dataset
from oakwright.errors import OakwrightError, UsageError
from oakwright.files import PathLike, write_aside

from .checkpoint import load
from .curves import need_matplotlib
from .evaluation import Evaluated, evaluate
from .exports import ExportOptions, export
from .loop import train
from .metrics_file import save_metrics
from .mistakes import find_mistakes
from .on_camera import need_depthai, open_application
from .options import TrainOptions
from .progress import Progress, Trained
from .quickstart_data import Files, Parts, choose_parts, find_parts, flags
from .quickstart_page import Shown, facts, page, summary
from .report import save_report

TEMPLATE = "mobilenet_v2-2s_ssd-256x256"
# An application that shows every doubt, or nothing, is none to begin with.
_LEAST, _MOST = 0.1, 0.9


@dataclass(frozen=True)
class QuickstartOptions:
    """``data``: a folder that :func:`oakwright.dataset.discover` knows, or a file of annotations
    with ``root``. ``out``: a new folder. ``time_limit_s`` is the training's; the other fields are
    those of :class:`TrainOptions` and :class:`ExportOptions`.
    """

    data: PathLike
    out: PathLike = "quickstart"
    root: str | None = None
    time_limit_s: float = 600
    template: PathLike = TEMPLATE
    classes: str | Sequence[str] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    gpu_num: int | None = None
    shaves: int = 6
    pretrained: bool = True
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Quickstarted:
    """What came out, in ``folder``."""

    folder: Path
    trained: Trained
    shown: Shown

    @property
    def torch(self) -> Evaluated:
        """The checkpoint's evaluation on the validation part."""
        return self.shown.torch

    @property
    def camera(self) -> Evaluated:
        """That of the script on the virtual OAK."""
        return self.shown.camera

    @property
    def index(self) -> Path:
        """The page to look at."""
        return self.folder / "index.html"

    def summary(self) -> list[str]:
        """What came out and what to do next, in lines of text."""
        return summary(self.folder, self.shown)

    def facts(self) -> dict[str, Any]:
        """The same as plain data."""
        return facts(self.folder, self.shown)


@dataclass
class _Steps:
    """Says each step as it begins, and keeps how long it took."""

    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _began: float = 0.0

    def begin(self, name: str, text: str) -> None:
        self.end()
        self._name, self._began = name, time.monotonic()
        self.say(f"-- {name}: {text}")

    def end(self) -> None:
        if self._name:
            self.seconds[self._name] = time.monotonic() - self._began


def quickstart(
    options: QuickstartOptions,
    *,
    say: Callable[[str], None] = lambda _: None,
    report: Callable[[Progress], None] | None = None,
    tell: Callable[[str, int, int], None] = lambda *_: None,
) -> Quickstarted:
    """Make ``options.out``: checkpoints, exports, a script that runs them, pictures, index.html.

    What a later step needs is looked for before the training: packages, the compile engine,
    sound data. ``say`` gets lines worth reading, ``report`` the training's progress, ``tell``
    (what, done, of how many) that of evaluations.

    Raises UsageError for a folder that is there already or a package that is missing, DatasetError
    with everything wrong with the data, and what the steps raise. Nothing is left half-written: the
    page comes last, and a checkpoint that was written stays usable.
    """
    folder, steps = Path(options.out), _Steps(say)
    _refuse_existing(folder)
    need_depthai()
    need_matplotlib()
    steps.begin("check", str(options.data))
    named = find_parts(options.data, options.root, options.classes, say)
    steps.begin("engine", "a blob of one layer, so that compiling cannot fail for want of it")
    _try_engine()
    parts = choose_parts(
        options.data, named, options.classes, folder / "data", options.seed,
        lambda text: steps.begin("split", text),
    )  # fmt: skip
    steps.begin("train", f"{options.template}, for {_duration(options.time_limit_s)}")
    try:
        trained = train(_train_options(options, parts), say=say, report=report)
        return _finish(options, trained, parts, steps, tell)
    except (OakwrightError, KeyboardInterrupt):
        checkpoints = folder / "checkpoints"
        if any(checkpoints.glob("*.pth")):
            say(f"what was trained is in {checkpoints}, whole")
        else:
            _tidy(folder)
        raise


def _tidy(folder: Path) -> None:
    """Take away what was written before there was a checkpoint, and nothing else."""
    for name in ("train", "val"):
        (folder / "data" / f"{name}.json").unlink(missing_ok=True)
    for place in (folder / "data", folder / "checkpoints", folder):
        with contextlib.suppress(OSError):
            place.rmdir()


def _finish(
    options: QuickstartOptions,
    trained: Trained,
    parts: Parts,
    steps: _Steps,
    tell: Callable[[str, int, int], None],
) -> Quickstarted:
    folder = Path(options.out)
    steps.begin("eval", "the best checkpoint on the validation part, PyTorch")
    data = dataset.read(*_none_if_empty(parts.validation), load(trained.best).classes)
    in_torch = evaluate(trained.best, data, tell=lambda done: tell("finding", done, len(data)))
    sure = float(np.clip(in_torch.mistakes.threshold, _LEAST, _MOST))
    # Both are counted at what the script shows.
    in_torch = replace(in_torch, mistakes=find_mistakes(data, in_torch.found, sure))
    steps.begin("export", "IR, blob and a DepthAI script")
    written = export(
        trained.best,
        folder / "export",
        ExportOptions(shaves=(options.shaves,), confidence=sure),
        app=folder / "app",
        tell=lambda line: steps.say(f"{line} ..."),
    )
    blob = next(path for path in written if path.suffix == ".blob")
    steps.begin("virtual OAK", f"app/main.py over {len(data)} pictures")
    on_oak = evaluate(
        open_application(folder / "app", blob), data, threshold=sure,
        tell=lambda done: tell("looking", done, len(data)),
    )  # fmt: skip
    save_metrics(folder / "metrics.yaml", trained.best, in_torch.rows())
    save_report(on_oak, folder / "pictures", lambda done: tell("drawing", done, len(data)))
    steps.end()
    following = _next_steps(folder, parts)
    shown = Shown(str(options.data), in_torch, on_oak, steps.seconds, following)
    write_aside(folder / "index.html", page(shown))
    return Quickstarted(folder, trained, shown)


def _refuse_existing(folder: Path) -> None:
    if folder.is_symlink() or folder.exists():
        if folder.is_dir() and not any(folder.iterdir()):
            return
        best = folder / "checkpoints" / "best.pth"
        if not folder.is_dir():
            what = "is a file"
        elif (folder / "index.html").is_file():
            what = "is there already; look at its index.html"
        elif best.is_file():
            what = f"is there, from a run that did not end; its best detector is {best}"
        else:
            what = "is there already, and not empty"
        raise UsageError(
            f"{folder} {what}", remedy="-o NAME makes another; nothing is overwritten", key="out"
        )


def _try_engine() -> None:
    """Compile something tiny: fetches the engine where it is not here. Raises EngineNotFound."""
    import openvino as ov
    from openvino import opset8 as ops

    from oakwright.conversion import ConvertOptions, convert

    image = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    tiny = ov.Model([ops.relu(image)], [image], "tiny")
    # A kept result would tell nothing of the engine.
    convert(tiny, options=ConvertOptions(shaves=(1,)), cache=False)


def _train_options(options: QuickstartOptions, parts: Parts) -> TrainOptions:
    train_files, train_roots = _none_if_empty(parts.train)
    val_files, val_roots = _none_if_empty(parts.validation)
    return TrainOptions(
        train_ann_files=train_files,
        train_data_roots=train_roots,
        val_ann_files=val_files,
        val_data_roots=val_roots,
        save_checkpoints_to=Path(options.out) / "checkpoints",
        template=options.template,
        classes=options.classes,
        epochs=options.epochs,
        batch_size=options.batch_size,
        gpu_num=options.gpu_num,
        time_limit_s=options.time_limit_s,
        pretrained=options.pretrained,
        threads=options.threads,
        seed=options.seed,
    )


def _none_if_empty(files: Files) -> tuple[list[str], list[str] | None]:
    return files[0], files[1] or None


def _next_steps(folder: Path, parts: Parts) -> tuple[tuple[str, str], ...]:
    """What to do with it: (what, command)."""
    best, script = str(folder / "checkpoints" / "best.pth"), str(folder / "app" / "main.py")
    steps = [
        ("see what it finds", ["oakwright", "device", "run", "--source", "FILM.mp4", script]),
        ("the same on an OAK", ["python", script]),
        (
            "train it further",
            ["oakwright", "train", "--load-weights", best, *flags("train", parts.train),
             *flags("val", parts.validation), "--save-checkpoints-to", str(folder / "more"),
             "--time-limit", "1h"],
        ),
    ]  # fmt: skip
    if parts.test is not None:
        words = ["oakwright", "eval", "--load-weights", best, *flags("test", parts.test)]
        steps.append(("measure on the test part, which was kept aside", words))
    return tuple((what, shlex.join(words)) for what, words in steps)


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"
