"""``oakwright run``, ``oakwright decompile`` and ``oakwright netron``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

from oakwright import blob as blobs
from oakwright.errors import UnreadableModel, UsageError
from oakwright.files import write_all_aside, write_aside

from .options import json_option
from .pictures import PICTURES, VIDEOS, count_frames, fit, frames

Outputs = dict[str, np.ndarray]


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="[NAME=]PATH",
    help="A picture, a folder of pictures, a video, .npy or .npz.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("run-output"))
@click.option("--reference", is_flag=True, help="The reference machine, not the decompiled model.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    default=None,
    help="Write every stage's inputs and outputs there (the reference machine).",
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show."
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Names of classes, one a line, from class 0.",
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="For boxes."
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Stop after so many frames.")
@json_option
def run_command(
    file: Path,
    inputs: tuple[str, ...],
    out: Path,
    reference: bool,
    trace: Path | None,
    top: int,
    labels: Path | None,
    threshold: float,
    limit: int | None,
    as_json: bool,
) -> None:
    """Run a blob on the CPU: no camera, no chip.

    Pictures are resized to the input. Outputs are written as .npz; classes are listed, and boxes
    drawn where an output is [1,1,N,7] (SSD detections).
    """
    blob = blobs.Blob.open(file)
    names = _read_labels(labels) if labels else []
    report, count, spent = [], 0, 0.0
    with ExitStack() as stack:
        infer = _runner(blob, reference, trace, stack)
        video = stack.enter_context(_Video(out / f"{file.stem}.mp4"))
        for name, picture, arrays in stack.enter_context(_Feed(blob, inputs, limit, as_json)):
            started = time.perf_counter()
            outputs = infer(arrays)
            spent += time.perf_counter() - started
            count += 1
            boxes = _boxes(outputs, threshold)
            row: dict[str, Any] = {"name": name}
            if boxes is not None:
                row["boxes"] = boxes
            else:
                row["classes"] = _classes(outputs, top, names)
            report.append(row)
            if picture is not None and boxes is not None:
                drawn = _draw(picture, boxes, names)
                if _is_video(inputs):
                    video.add(drawn)
                else:
                    write_aside(out / f"{name}.png", _encode(drawn))
            if not _is_video(inputs):
                _write_npz(out / f"{name}.npz", outputs)
            if not as_json and not _is_video(inputs):
                _print_row(row, names)
    facts: dict[str, Any] = {
        "frames": count,
        "seconds_per_frame": spent / max(count, 1),
        "out": str(out),
    }
    write_aside(out / "results.json", json.dumps([*report], indent=1))
    if as_json:
        click.echo(json.dumps({**facts, "results": report}, indent=2))
    else:
        how = "reference machine" if reference or trace else "decompiled, FP32"
        click.echo(f"{count} frames, {1000 * facts['seconds_per_frame']:.1f} ms each ({how})")
        click.echo(f"results in {out}")


def _read_labels(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no list of labels: {error}",
            remedy="one name a line, in UTF-8",
            key="labels",
        ) from error


def _runner(
    blob: blobs.Blob, reference: bool, trace: Path | None, stack: ExitStack
) -> Callable[[Mapping[str, np.ndarray]], Outputs]:
    if reference or trace:
        from oakwright import machine

        interpreter = machine.Machine(blob)
        if trace is None:
            return interpreter.run
        tracer = stack.enter_context(machine.write_trace(trace))
        return lambda arrays: interpreter.run(arrays, tracer=tracer)
    from oakwright.decompiler import CompiledBlob

    return CompiledBlob(blob).infer


class _Feed:
    """(name, picture or None, arrays by input) for every frame, with a progress bar."""

    def __init__(
        self, blob: blobs.Blob, texts: tuple[str, ...], limit: int | None, quiet: bool
    ) -> None:
        self.blob, self.limit, self.quiet = blob, limit, quiet
        self.fixed: dict[str, np.ndarray] = {}
        self.moving: dict[str, Path] = {}
        known = [info.name for info in blob.inputs]
        for text in texts:
            named = [n for n in sorted(known, key=len, reverse=True) if text.startswith(f"{n}=")]
            name, value = (named[0], text[len(named[0]) + 1 :]) if named else ("", text)
            if not named and "=" in text and not Path(text).exists():
                raise UsageError(
                    f"--input {text} names no input", remedy=f"the blob has {', '.join(known)}"
                )
            self._add(name, Path(value), known)
        missing = [n for n in known if n not in self.fixed and n not in self.moving]
        if missing:
            raise UsageError(
                f"no data for input {', '.join(missing)}",
                remedy="give --input NAME=PATH for each input",
                key="input",
            )

    def _add(self, name: str, path: Path, known: list[str]) -> None:
        if not path.exists():
            raise UsageError(f"there is no {path}", key="input")
        if path.suffix == ".npz":
            with _loaded(path) as archive:
                unknown = [key for key in archive.files if key not in known]
                if unknown:
                    raise UsageError(
                        f"{path} holds '{unknown[0]}', the blob has inputs {', '.join(known)}"
                    )
                self.fixed.update({key: archive[key] for key in archive.files})
            return
        if not name:
            free = [n for n in known if n not in self.fixed and n not in self.moving]
            if len(free) != 1:
                raise UsageError(
                    f"which input is {path} for?", remedy=f"say NAME=PATH: {', '.join(known)}"
                )
            name = free[0]
        if path.suffix == ".npy":
            array = _loaded(path)
            shape = next(i.spec.shape for i in self.blob.inputs if i.name == name)
            self.fixed[name] = array.reshape(shape) if array.size == np.prod(shape) else array
        elif path.is_dir() or path.suffix.lower() in (*PICTURES, *VIDEOS):
            self.moving[name] = path
        else:
            raise UsageError(
                f"{path} is neither picture, video, .npy nor .npz",
                remedy=f"known are {', '.join((*PICTURES, *VIDEOS))}",
            )

    def __enter__(self) -> Iterator[tuple[str, np.ndarray | None, Mapping[str, np.ndarray]]]:
        return self._frames()

    def __exit__(self, *_: object) -> None:
        pass

    def _frames(self) -> Iterator[tuple[str, np.ndarray | None, Mapping[str, np.ndarray]]]:
        if not self.moving:
            yield "result", None, self.fixed
            return
        specs = {info.name: info.spec for info in self.blob.inputs}
        counts = [count_frames(path) for path in self.moving.values()]
        total = min((n for n in [*counts, self.limit] if n is not None), default=None)
        with _progress(total, self.quiet) as advance:
            together = zip(*(frames(path) for path in self.moving.values()), strict=False)
            for index, row in enumerate(together):
                if self.limit is not None and index >= self.limit:
                    return
                arrays = {
                    name: fit(picture, specs[name].shape, specs[name].layout)
                    for name, (_, picture) in zip(self.moving, row, strict=True)
                }
                label, first = row[0]
                yield label, first, {**self.fixed, **arrays}
                advance()


class _progress:
    """A progress bar on stderr for more than a handful of frames."""

    def __init__(self, total: int | None, quiet: bool) -> None:
        self.total, self.bar = total, None
        if not quiet and (total is None or total > 5):
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(stderr=True), transient=True)

    def __enter__(self) -> Callable[[], None]:
        if self.bar is None:
            return lambda: None
        self.bar.start()
        task = self.bar.add_task("running", total=self.total)
        return lambda: self.bar.advance(task) if self.bar else None

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()


class _Video:
    """An annotated video, made when its first frame comes."""

    def __init__(self, path: Path) -> None:
        self.path, self.aside = path, path.with_name(f".{path.name}.part.mp4")
        self.writer: Any = None

    def add(self, picture: np.ndarray) -> None:
        import cv2

        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            size = (picture.shape[1], picture.shape[0])
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self.writer = cv2.VideoWriter(str(self.aside), code, 30, size)
        self.writer.write(picture)

    def __enter__(self) -> _Video:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.writer is not None:
            self.writer.release()
            if kind is None:
                self.aside.replace(self.path)
            else:
                self.aside.unlink(missing_ok=True)


def _boxes(outputs: Outputs, threshold: float) -> list[dict[str, Any]] | None:
    """SSD detections: rows [image, label, confidence, xmin, ymin, xmax, ymax], 0..1."""
    for array in outputs.values():
        if array.shape[-1:] == (7,) and array.ndim == 4 and array.shape[:2] == (1, 1):
            found = []
            for row in array.reshape(-1, 7).astype(float):
                if row[0] < 0:
                    break
                if row[2] >= threshold:
                    box = [round(float(v), 4) for v in row[3:]]
                    found.append(
                        {"label": int(row[1]), "confidence": round(float(row[2]), 4), "box": box}
                    )
            return found
    return None


def _classes(outputs: Outputs, top: int, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, array in outputs.items():
        flat = array.astype(np.float64).ravel()
        if array.size == max(array.shape, default=0) and 1 < array.size <= 100_000:
            order = np.argsort(-flat)[: max(top, 1)]
            found[name] = [
                {"class": int(i), "name": _name(names, int(i)), "value": round(float(flat[i]), 5)}
                for i in order
            ]
        else:
            found[name] = {
                "shape": list(array.shape),
                "min": float(flat.min(initial=np.inf)),
                "mean": float(flat.mean()) if flat.size else 0.0,
                "max": float(flat.max(initial=-np.inf)),
            }
    return found


def _name(names: list[str], index: int) -> str:
    return names[index].strip() if index < len(names) else str(index)


def _print_row(row: dict[str, Any], names: list[str]) -> None:
    click.echo(row["name"] + (": nothing found" if row.get("boxes") == [] else ""))
    for entry in row.get("boxes", ()):
        label = _name(names, entry["label"])
        click.echo(f"  {label:12} {entry['confidence']:.2f}  {entry['box']}")
    for output, found in row.get("classes", {}).items():
        if isinstance(found, list):
            click.echo(f"  {output}:")
            for entry in found:
                click.echo(f"    {entry['value']:10.5f}  {entry['name']}")
        else:
            click.echo(
                f"  {output}: {found['shape']}, {found['min']:.4g} to {found['max']:.4g},"
                f" mean {found['mean']:.4g}"
            )


def _draw(picture: np.ndarray, boxes: list[dict[str, Any]], names: list[str]) -> np.ndarray:
    import cv2

    drawn = picture.copy()
    height, width = drawn.shape[:2]
    size = max(width, height)
    thick, scale = max(1, size // 400), size / 1200
    for entry in boxes:
        x0, y0, x1, y1 = (max(0.0, min(1.0, v)) for v in entry["box"])
        corner = (int(x0 * width), int(y0 * height))
        cv2.rectangle(drawn, corner, (int(x1 * width), int(y1 * height)), (60, 220, 60), thick)
        text = f"{_name(names, entry['label'])} {entry['confidence']:.0%}"
        place = (corner[0] + thick, max(corner[1] - 3 * thick, int(24 * scale)))
        for color, width_px in (((0, 0, 0), 3 * thick), ((255, 255, 255), thick)):
            cv2.putText(
                drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, width_px, cv2.LINE_AA
            )
    return drawn


def _encode(picture: np.ndarray) -> bytes:
    import cv2

    ok, png = cv2.imencode(".png", picture)
    assert ok
    return bytes(png)


def _write_npz(path: Path, outputs: Outputs) -> None:
    from io import BytesIO

    buffer = BytesIO()
    np.savez(buffer, **outputs)  # type: ignore[arg-type]
    write_aside(path, buffer.getvalue())


def _loaded(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UnreadableModel(
            f"{path} is no numpy file: {error}",
            remedy="write it with numpy.save or numpy.savez; pickled objects are not read",
            path=str(path),
        ) from error


def _is_video(texts: tuple[str, ...]) -> bool:
    return any(text.lower().endswith(VIDEOS) for text in texts)


@click.command("decompile")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="An .xml file.")
def decompile_command(file: Path, out: Path) -> None:
    """Turn a blob back into an OpenVINO IR (.xml and .bin).

    The result opens in Netron, runs on OpenVINO and can be compiled again for other shaves.
    """
    if out.suffix.lower() != ".xml":
        raise UsageError(f"{out} must end in .xml", remedy="an IR is an .xml and a .bin", key="out")
    blob = blobs.Blob.open(file)
    xml, weights, layers = decompiled_ir(blob)
    click.echo(write_all_aside({out: xml, out.with_suffix(".bin"): weights})[0])
    click.echo(f"{len(blob.stages)} stages became {layers} layers")


def decompiled_ir(blob: blobs.Blob) -> tuple[bytes, bytes, int]:
    """The decompiled model as IR bytes, and how many layers do something."""
    from oakwright import ir
    from oakwright.decompiler import decompile

    model = decompile(blob)
    xml, weights = ir.serialise(model)
    passive = ("Parameter", "Result", "Constant", "Convert")
    return xml, weights, sum(op.get_type_name() not in passive for op in model.get_ops())


@click.command("netron")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--port", type=int, default=None, help="Serve on this port of localhost.")
@click.option("--no-browser", is_flag=True, help="Only serve; print the address.")
def netron_command(file: Path, port: int | None, no_browser: bool) -> None:
    """Show a model's graph in Netron: a blob (decompiled), an IR or an ONNX file."""
    import tempfile

    try:
        import netron
    except ImportError as error:
        raise UsageError(
            "Netron is not installed", remedy="pip install 'oakwright[viewer]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="oakwright-netron-") as folder:
        shown = file
        with file.open("rb") as stream:
            is_blob = stream.read(4) == b"\x7felf"
        if is_blob or file.suffix.lower() == ".blob":
            xml, weights, _ = decompiled_ir(blobs.Blob.open(file))
            shown = write_aside(Path(folder) / f"{file.stem}.xml", xml)
            write_aside(shown.with_suffix(".bin"), weights)
        address = netron.start(str(shown), address=("localhost", port or 0), browse=not no_browser)
        click.echo(f"http://{address[0]}:{address[1]} shows {file}; Ctrl-C ends it")
        netron.wait()
