"""Any model to a blob: the story, told once.

read → static shapes, cuts, frozen inputs → preprocessing → legalise → check → verify →
IR v10 → compile → read the blob back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import (
    CompileError,
    ConversionMismatch,
    ModelError,
    OakwrightError,
    UnsupportedModel,
    UsageError,
)
from oakwright.tensor import Precision

from .cache import Cache, file_digest, key_of, versions
from .onnx_file import external_paths, outline
from .options import (
    STAMPS,
    ConvertOptions,
    InputOptions,
    Numbers,
    parse_shaves,
)
from .result import Converted, digest

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov

    from oakwright.compiler import CompileOptions
    from oakwright.ir import Finding

    from .plan import PlannedInput
    from .sources import Source
    from .verify import Verdict

    Samples = (
        Sequence[Mapping[str, np.ndarray]]
        | Callable[[Sequence[PlannedInput]], Sequence[Mapping[str, np.ndarray]]]
    )

Progress = Callable[[str, float], None]


def convert(
    source: Any,
    *,
    example_input: Any = None,
    shaves: int | str | Sequence[int] | None = None,
    shape: Sequence[int] | str | None = None,
    mean: Numbers | None = None,
    scale: Numbers | None = None,
    range: str | None = None,
    layout: str | None = None,
    color: str | None = None,
    reverse_channels: bool = False,
    input_precision: str | None = None,
    output_precision: str | None = None,
    inputs: Sequence[InputOptions] = (),
    outputs: Sequence[str] | str = (),
    output_names: Sequence[str] = (),
    stamp: str | None = None,
    to: str | None = None,
    verify: str | None = None,
    samples: Samples | None = None,
    options: ConvertOptions | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> Converted:
    """Convert any model to a blob (or, with ``to="ir"``, to IR v10).

    ``source``: a path (ONNX, OpenVINO IR, TorchScript, ``.pt2``, TensorFlow, Keras, TFLite,
    Paddle, Caffe), ``package.module:factory``, a ``torch.nn.Module`` (with ``example_input``), a
    ``keras.Model``, an ``onnx.ModelProto``, its bytes or an ``openvino.Model``.
    ``output_names`` names a module's outputs. The keywords ``shape`` to
    ``input_precision`` speak of every input; ``inputs`` of single ones. ``samples``: real inputs
    of the blob (by name, planar) to look for FP16 overflow with, or a function that makes them
    for the planned inputs. ``options`` stands instead of all of them. ``shaves`` is 6 by default.

    Raises UsageError (options), ModelError and its kin (the model), CompileError (the engine).

    >>> blob = oakwright.convert("mobilenet.onnx", shaves=6, range="-1..1").blob  # doctest: +SKIP
    """
    given = {
        "shaves": parse_shaves(shaves) if shaves is not None else None,
        "outputs": (outputs,) if isinstance(outputs, str) else tuple(outputs),
        "output_precision": (("", Precision.parse(output_precision)),) if output_precision else (),
        "stamp": stamp,
        "to": to,
        "verify": verify,
    }
    said: dict[str, Any] = {key: value for key, value in given.items() if value}
    general = InputOptions.of(
        shape=shape,
        mean=mean,
        scale=scale,
        range=range,
        layout=layout,
        color=color,
        reverse_channels=reverse_channels,
        precision=input_precision,
    )
    wanted_inputs = (*([general] if general != InputOptions() else []), *inputs)
    if wanted_inputs:
        said["inputs"] = wanted_inputs
    if options is not None and said:
        raise UsageError(
            f"options= says everything; {', '.join(said)} was given besides",
            remedy="put it into the ConvertOptions",
            key=next(iter(said)),
        )
    options = options or ConvertOptions(**said)
    store = Cache.default() if cache and not samples else None
    key = _source_key(source, example_input, options) if store else None
    if store and key and (files := store.get(key)):
        return Converted.from_files(files)
    story = Conversion(source, example_input, output_names, options, samples, store, progress)
    made = story.run()
    if store and key:
        store.put(key, made.as_files())
    return made


@dataclass
class Conversion:
    """One conversion on its way; :meth:`run` goes through the steps in order."""

    source: Any
    example_input: Any
    output_names: Sequence[str]
    options: ConvertOptions
    samples: Samples | None
    store: Cache | None
    progress: Progress | None

    def run(self) -> Converted:
        """Convert. Errors are as for :func:`convert`."""
        from oakwright import ir

        from .sources import open_source
        from .surgery import cut_outputs, freeze_inputs

        options = self.options
        started = time.monotonic()
        shapes = {entry.name: entry.shape for entry in options.inputs if entry.shape}
        opened = open_source(
            self.source,
            example_input=self.example_input,
            shapes=shapes,
            output_names=self.output_names,
        )
        started = self._tell(f"read {opened.kind} ({opened.front_end})", started)

        reading = opened.model.clone()
        if options.outputs:
            reading = cut_outputs(reading, options.outputs)
        notes = [*opened.notes, *self._static(reading)]
        frozen = freeze_inputs(reading, options)
        planned = self._plan(reading, opened.channels_last)
        notes += self._unread(planned, reading, opened.kind)
        preprocessed = ir.preprocess(
            reading, [step for entry in planned if (step := entry.preprocess())]
        )
        legal = ir.legalise(preprocessed)
        found = distinct([*legal.findings, *ir.check(legal.model)], opened.origins)
        refused = [finding for finding in found if finding.severity == "error"]
        if refused:
            raise unsupported(opened.name, refused)
        started = self._tell(f"legalised ({len(legal.applied)} rules applied)", started)

        found = distinct([*found, *ir.scan_constants(legal.model)])
        try:
            verdict = self._verify(opened, reading, preprocessed, legal.model, planned, frozen)
        except ConversionMismatch as error:
            raise _beyond_fp16(error, found) from error
        if verdict:
            started = self._tell(f"verified against {verdict.against}", started)
        notes += _said_of_rounding(verdict, legal)
        if self.samples:
            samples = self.samples(planned) if callable(self.samples) else self.samples
            found += ir.scan_activations(legal.model, list(samples))
        warnings = [str(finding) for finding in found]

        xml, weights = ir.serialise(legal.model, fp16=options.compress_to_fp16)
        if verdict:
            verdict = self._in_fp16(verdict, preprocessed, xml, weights, planned, warnings)
        blobs = self._compile(legal.model, xml, weights, planned) if options.to == "blob" else {}
        if blobs:
            self._tell(f"compiled for {_list(blobs)} shaves", started)
        manifest = self._manifest(opened, planned, notes, legal, verdict, warnings)
        manifest["ir"] = {"xml_sha256": digest(xml), "bin_sha256": digest(weights)}
        manifest["blobs"] = {
            str(n): {"sha256": digest(data), "bytes": len(data)} for n, data in blobs.items()
        }
        return Converted(opened.name, blobs, xml, weights, manifest)

    def _static(self, reading: ov.Model) -> list[str]:
        from .plan import require_static

        return require_static(reading, self.options)

    def _plan(self, reading: ov.Model, channels_last: bool) -> list[PlannedInput]:
        from .plan import plan_inputs

        return plan_inputs(reading, self.options, channels_last=channels_last)

    def _unread(self, planned: Sequence[PlannedInput], reading: ov.Model, kind: str) -> list[str]:
        read = _read_inputs(reading)
        why = ""
        if kind == "onnx":
            # torch.onnx.export of (X, X) makes one input of the two.
            why = "; if PyTorch exported it from one tensor for several inputs, give each its own"
        return [
            f"input '{entry.name}' is read by no layer: the blob does not have it{why}"
            for entry in planned
            if entry.name not in read
        ]

    def _verify(
        self,
        opened: Source,
        reading: ov.Model,
        preprocessed: ov.Model,
        legalised: ov.Model,
        planned: Sequence[PlannedInput],
        frozen: Mapping[str, Any],
    ) -> Any:
        if self.options.verify == "off":
            return None
        from .verify import verify

        # With outputs cut or inputs frozen the framework would run another model than this one.
        whole = not self.options.outputs and not frozen
        return verify(
            opened,
            reading,
            preprocessed,
            legalised,
            planned,
            use_framework=whole,
            full=self.options.verify == "full",
            tolerance=self.options.tolerance,
        )

    def _in_fp16(
        self,
        verdict: Verdict,
        preprocessed: ov.Model,
        xml: bytes,
        weights: bytes,
        planned: Sequence[PlannedInput],
        warnings: list[str],
    ) -> Verdict:
        """The verdict with what rounding the weights to FP16 does to the outputs."""
        from .verify import FP16_ALARM, fp16_difference

        difference = fp16_difference(preprocessed, xml, weights, planned)
        if difference > FP16_ALARM:
            warnings.append(
                f"weights in FP16 change the outputs by {difference:.1g} of the largest value on"
                " random input: weights too small or too large for FP16, or a very sensitive model"
            )
        return replace(verdict, fp16_difference=difference)

    def _compile(
        self, legal: ov.Model, xml: bytes, weights: bytes, planned: Sequence[PlannedInput]
    ) -> dict[int, bytes]:
        from oakwright.blob import Blob
        from oakwright.compiler import compile_many

        options = self.options
        plans = compile_plans(options, legal, planned)
        # The engine gives the same bytes for the same IR, so they are kept by the IR's content.
        key = key_of(
            {
                "compile": digest(xml + weights),
                "options": [repr(p) for p in plans],
                "stamp": options.stamp,
            }
        )
        if self.store and (files := self.store.get(key)):
            return {n: files[f"{n}.blob"] for n in options.shaves}
        blobs = {}
        for n, data in zip(options.shaves, compile_many(xml, weights, plans), strict=True):
            blob = Blob.from_bytes(data)
            if options.stamp != "6.0":
                blob = blob.with_version(*STAMPS[options.stamp])
            wanted = _read_inputs(legal)
            if {entry.name for entry in blob.inputs} != wanted:
                raise CompileError(
                    f"the blob has inputs {[e.name for e in blob.inputs]}, the model {wanted}",
                    remedy="this is a fault of oakwright's: please report it with the model",
                )
            blobs[n] = bytes(blob.data)
        if self.store:
            self.store.put(key, {f"{n}.blob": data for n, data in blobs.items()})
        return blobs

    def _manifest(
        self,
        opened: Source,
        planned: Sequence[PlannedInput],
        notes: Sequence[str],
        legal: Any,
        verdict: Any,
        warnings: Sequence[str],
    ) -> dict[str, Any]:
        from oakwright import ir

        path = Path(self.source) if isinstance(self.source, (str, Path)) else None
        return {
            "name": opened.name,
            "source": {
                "kind": opened.kind,
                "front_end": opened.front_end,
                "path": str(path) if path else None,
                "sha256": file_digest(path) if path and path.is_file() else None,
            },
            "options": self.options.as_json(),
            "inputs": [entry.as_json() for entry in planned],
            "applied": [entry.describe() for entry in planned],
            "outputs": [
                {"name": name, "shape": list(port.shape)}
                for name, port in zip(
                    ir.port_names(legal.model).outputs, legal.model.outputs, strict=True
                )
            ],
            "notes": [*notes, *(note for entry in planned for note in entry.notes)],
            "rules": _count(f"{a.op} ({a.rule})" for a in legal.applied),
            "warnings": list(warnings),
            "agreement": {
                "against": verdict.against,
                "difference": verdict.difference,
                "fp16_difference": verdict.fp16_difference,
                "note": verdict.note,
                "rounding_dropped": asdict(verdict.rounding) if verdict.rounding else None,
            }
            if verdict
            else None,
            "stamp": self.options.stamp,
            "versions": versions(),
        }

    def _tell(self, step: str, started: float) -> float:
        now = time.monotonic()
        if self.progress:
            self.progress(step, now - started)
        return now


def _said_of_rounding(verdict: Verdict | None, legal: Any) -> list[str]:
    """What is to be said of a quantised model, verified or not."""
    if verdict and verdict.rounding:
        return [verdict.rounding.describe()]
    layers = sum(entry.op.startswith("FakeQuantize") for entry in legal.applied)
    if verdict or not layers:
        return []
    return [
        f"quantised model: the rounding of {layers} activation(s) to integers is dropped, and what"
        " that does to the outputs was not verified"
    ]


def compile_plans(
    options: ConvertOptions, legal: ov.Model, planned: Sequence[PlannedInput]
) -> list[CompileOptions]:
    """What the engine is asked for a legalised model, one entry for each number of shaves."""
    from oakwright.compiler import CompileOptions

    read = _read_inputs(legal)
    precisions = {entry.name: entry.precision for entry in planned if entry.name in read}
    layouts = {e.name: "NHWC" for e in planned if e.layout == "NHWC" and e.name in read}
    ports = [entry.name for entry in planned], options.of_either
    outputs = _output_precisions(legal, options.output_precision, *ports)
    return [
        CompileOptions(
            shaves=n,
            input_precisions=precisions,
            input_layouts=layouts,
            output_precisions=outputs,
            timeout_s=options.timeout_s,
            memory_limit_mb=options.memory_limit_mb,
            skip_device_wait=options.skip_device_wait,
        )
        for n in options.shaves
    ]


def distinct(
    findings: Sequence[Finding], origins: Mapping[str, str] | None = None
) -> list[Finding]:
    """One error a layer, each warning once, errors first; layers by their name in the source."""
    first: dict[tuple[str, str], Finding] = {}
    for given in findings:
        own = (origins or {}).get(given.layer)
        finding = replace(given, layer=own, origin=given.layer) if own else given
        is_error = finding.severity == "error"
        first.setdefault((finding.layer, "" if is_error else finding.reason), finding)
    return sorted(first.values(), key=lambda finding: finding.severity != "error")


def _beyond_fp16(error: ConversionMismatch, findings: Sequence[Finding]) -> ConversionMismatch:
    """The mismatch, said as what it is where constants had to be brought into FP16's range."""
    clamped = [finding for finding in findings if "65504" in finding.reason]
    if not clamped:
        return error
    lines = "\n".join(f"  - {finding}" for finding in clamped)
    return ConversionMismatch(
        f"the chip cannot hold these constants, and without them the result differs by"
        f" {error.difference:.2g}\n{lines}",
        remedy="scale these layers down and the next ones up, or say --verify off to convert all"
        " the same",
        layer=clamped[0].layer,
        difference=error.difference,
    )


def unsupported(name: str, findings: Sequence[Finding]) -> ModelError:
    """One error for all layers the engine would refuse."""
    lines = "\n".join(f"  - {finding}" for finding in findings)
    many = f"{len(findings)} layers have" if len(findings) > 1 else "one layer has"
    return UnsupportedModel(
        f"{name}: {many} no place on the chip\n{lines}",
        remedy="cut the model before them with --output, or replace them",
        findings=tuple(findings),
    )


def _read_inputs(model: ov.Model) -> set[str]:
    """Names of inputs that some layer reads; the engine drops the others."""
    from oakwright.ir import port_names

    names = zip(port_names(model).inputs, model.inputs, strict=True)
    return {name for name, port in names if port.get_target_inputs()}


def _output_precisions(
    legal: ov.Model,
    wanted: Sequence[tuple[str, Precision]],
    inputs: Sequence[str],
    of_either: Sequence[str],
) -> dict[str, Precision]:
    from oakwright.ir import port_names

    table, precisions = dict(wanted), {}
    known = port_names(legal).outputs
    for name in table:
        if not name or name in known or (name in of_either and name in inputs):
            continue
        what = "input or output" if name in of_either else "output"
        raise UsageError(
            f"the model has no {what} '{name}'",
            remedy=f"its outputs are {', '.join(known)}",
            key="iop" if name in of_either else "op",
        )
    for name, port in zip(port_names(legal).outputs, legal.outputs, strict=True):
        is_real = port.element_type.is_real()
        if not is_real:
            precisions[name] = Precision.I32
        elif name in table or "" in table:
            precisions[name] = table.get(name, table.get("", Precision.FP16))
        else:
            precisions[name] = Precision.FP16
    return precisions


def _source_key(source: Any, example_input: Any, options: ConvertOptions) -> str | None:
    """The cache key of a file, or None for what lives in memory (its IR is cached instead)."""
    if not isinstance(source, (str, Path)) or example_input is not None:
        return None
    path = Path(source)
    if not path.exists():
        return None
    try:
        files = _companions(path) if path.is_dir() else [path, *_companions(path)]
        if not files:
            return None
        parts = {file.name: file_digest(file) for file in files}
    except (OSError, OakwrightError):
        return None  # whatever is wrong with it, reading it will say
    return key_of({"files": parts, "options": options.as_json()})


def _companions(path: Path) -> list[Path]:
    """The other files a model's numbers live in; all of them for a folder."""
    if path.is_dir() or path.name == "saved_model.pb":
        from .sources.tensorflow import saved_model_files

        return saved_model_files(path)
    if path.suffix.lower() in (".prototxt", ".caffemodel"):
        from .sources.caffe import caffe_files

        return list(caffe_files(path))
    if path.suffix.lower() == ".pdmodel":
        weights = path.with_suffix(".pdiparams")
        return [weights] if weights.is_file() else []
    with path.open("rb") as file:
        head = file.read(512)
    if path.suffix.lower() == ".xml" or b"<net" in head:
        weights = path.with_suffix(".bin")
        return [weights] if weights.is_file() else []
    if path.suffix.lower() == ".onnx":
        return external_paths(outline(path.read_bytes(), str(path)), path.parent)
    return []


def _count(items: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return dict(sorted(counts.items()))


def _list(blobs: Mapping[int, bytes]) -> str:
    counts = list(blobs)
    if len(counts) > 2 and counts == [*range(counts[0], counts[-1] + 1)]:
        return f"{counts[0]}..{counts[-1]}"
    return ", ".join(map(str, counts))
