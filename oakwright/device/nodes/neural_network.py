"""NeuralNetwork: frames and tensors in, tensors out, by the blob.

Bytes go into the blob's memory as they are: an interleaved frame fed to a planar network gives
nonsense, as on the chip. A message of the wrong size is dropped, the commonest mistake of all.
Both are said once, beginning with the firmware's words, which people search for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from oakwright.errors import BlobError, PipelineError, RunError
from oakwright.tensor import TensorSpec

from ..message import kind_of, stamp_like, tensors_message, tensors_of
from ..schema import NodeRecord
from .node import Node

# What the firmware leaves for networks beside one Full HD camera.
FREE_SHAVES = 13
THREADS = 2
# What an inference takes of virtual time. No network is instantaneous, and scripts count on it:
# the picture a detection belongs to reaches them before the detection does.
INFERENCE_S = 0.001
# Bytes of a pixel where a picture may go to an input that is as many times wider.
_BYTES = {"RAW16": 2}


class NeuralNetwork(Node):
    """See the module."""

    honoured: ClassVar[tuple[str, ...]] = ("blobUri", "blobSize")
    harmless = ("numFrames", "numNCEPerThread", "numThreads")
    sends: ClassVar[tuple[str, ...]] = ("out", "passthrough", "passthroughs/")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if record.asset(record.properties["blobUri"]) is None:
            yield "no blob: call setBlobPath or setBlob"

    def set_up(self) -> None:
        """See Node."""
        data = self.record.asset(self.properties["blobUri"])
        try:
            self.network = self.context.open_network(data, self.title)
        except (BlobError, RunError) as error:
            text = f"{self.title}: the blob cannot be run: {error.message}"
            raise PipelineError(text, remedy=error.remedy, findings=(text,)) from error
        self._advise()

    def step(self) -> None:
        """Wait for every input by its rule, run, send."""
        messages = {key: self.inputs[key].get_by_rule() for key in self._linked()}
        arrays = self._arrays(messages)
        if arrays is None:
            return
        results = self.network.infer(arrays)
        if self.context.scheduler.is_deterministic:
            self.context.scheduler.sleep(INFERENCE_S)
        self._pass_through(messages)
        self.deliver(results, messages)

    def deliver(self, results: dict[str, np.ndarray], messages: dict[str, Any]) -> None:
        """Send one step's results."""
        if self.output("out").is_linked:
            self.send("out", self.tensors(results, messages))

    def tensors(self, results: dict[str, np.ndarray], messages: dict[str, Any]) -> Any:
        """The results as one message, of the time and number of the first input."""
        return stamp_like(tensors_message(results), next(iter(messages.values())))

    def _linked(self) -> list[str]:
        keys = [key for key in sorted(self.inputs) if self.inputs[key].is_linked]
        if not keys:
            # Nothing will ever come; wait for it, so that a deadlock has a name.
            self.inputs["in"].get()
        # The main input first: its time and number are the result's.
        return sorted(keys, key=lambda key: (key != "in", self._order(key)))

    def _order(self, key: str) -> int:
        names = [spec.name for spec in self.network.inputs]
        name = key.rpartition("/")[2]
        return names.index(name) if name in names else len(names)

    def _pass_through(self, messages: dict[str, Any]) -> None:
        for key, message in messages.items():
            name = key.rpartition("/")[2]
            if key == "in" and self.output("passthrough").is_linked:
                self.send("passthrough", message)
            other = f"passthroughs/{name}"
            if other in self.outputs and self.outputs[other].is_linked:
                self.send(other, message)

    # -- from messages to arrays

    def _arrays(self, messages: dict[str, Any]) -> dict[str, np.ndarray] | None:
        specs = {spec.name: spec for spec in self.network.inputs}
        found: dict[str, np.ndarray] = {}
        for key, message in messages.items():
            name = key.rpartition("/")[2]
            if kind_of(message) == "NNData" and tensors_of(message):
                layers = tensors_of(message)
                if name in specs and name not in layers and len(layers) == 1:
                    layers = {name: next(iter(layers.values()))}
                raw = {n: a.reshape(-1).view(np.uint8) for n, a in layers.items() if n in specs}
            else:
                target = name if name in specs else next(iter(specs))
                raw = {target: message.getData()}
                if kind_of(message) == "ImgFrame" and not self._fits(message, specs[target]):
                    return None
            for target, data in raw.items():
                array = self._shaped(data, specs[target])
                if array is None:
                    return None
                found[target] = array
        missing = sorted(set(specs) - set(found))
        if missing:
            text = f"no data for input {', '.join(missing)}: this step is skipped"
            self.error(text, once=True)
            return None
        return found

    def _fits(self, message: Any, spec: TensorSpec) -> bool:
        width, height = _picture_size(spec)
        got = message.getWidth(), message.getHeight()
        kind = message.getType().name
        # A depth map may go to an input of its bytes: two for each pixel, side by side.
        as_bytes = got[0] * _BYTES.get(kind, 1), got[1]
        if width and (width, height) not in (got, as_bytes):
            self.warn(
                f"Input image ({got[0]}x{got[1]}) does not match NN ({width}x{height}): dropped; "
                f"make it {width}x{height} with setPreviewSize or an ImageManip",
                once=True,
            )
            return False
        if len(spec.shape) == 4 and kind.endswith("i") and spec.shape[1] == 3:
            self.warn(
                "Input image is interleaved (HWC), NN specifies planar (CHW) data order: "
                "call setInterleaved(False)",
                once=True,
            )
        return True

    def _shaped(self, data: np.ndarray, spec: TensorSpec) -> np.ndarray | None:
        need = int(np.prod(spec.shape, dtype=np.int64)) * spec.precision.size_bytes
        if len(data) < need:
            advice = "; compile the blob for U8 inputs" if need == 2 * len(data) else ""
            number = self._order(spec.name)
            self.error(
                f"Input tensor '{spec.name}' ({number}) exceeds available data range. "
                f"Data size ({len(data)}B), tensor offset (0), size ({need}B) "
                f"- skipping inference{advice}",
                once=True,
            )
            return None
        return data[:need].view(spec.precision.numpy).reshape(spec.shape)

    def _advise(self) -> None:
        best = FREE_SHAVES // THREADS
        if self.network.shaves != best:
            self.warn(
                f"the network was compiled for {self.network.shaves} shaves; of {FREE_SHAVES} "
                f"that are free each of its {THREADS} threads can have {best}: compile it for those"
            )


def _picture_size(spec: TensorSpec) -> tuple[int, int]:
    """Width and height of an input that takes pictures; zeros for any other."""
    at = {letter: i for i, letter in enumerate(spec.layout)}
    if "W" in at and "H" in at and len(spec.shape) == len(spec.layout):
        return spec.shape[at["W"]], spec.shape[at["H"]]
    if len(spec.shape) == 4:
        return spec.shape[3], spec.shape[2]
    return 0, 0
