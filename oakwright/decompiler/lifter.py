"""What a lift function works with: operands as values, results back into memory."""

from __future__ import annotations

import numpy as np

from oakwright.blob import Blob, Buffer, DataType, Location
from oakwright.errors import RunError

from .dataflow import Memory, Trace
from .graph import BOOL, F32, I32, Graph, Value, make, tag
from .ops import binary, constant, convert, reshape, transpose
from .views import View, stored_to_logical

_DTYPES: dict[DataType, np.dtype] = {
    DataType.FP16: F32,
    DataType.FP32: F32,
    DataType.S32: I32,
    DataType.U8: np.dtype(np.uint8),
    DataType.I8: np.dtype(np.int8),
}
READ_BEYOND = 1 << 20
_ARENAS = {Location.OUTPUT, Location.BSS, Location.CMX}


class Lifter:
    """The blob's memory while its stages are replayed, and the graph that grows from it.

    Values are in logical axes (N, C, H, W outermost first), FP16 and FP32 alike computed as
    FP32. Constants in the file never enter memory: they are read where they are used.
    """

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self.memory = Memory()
        self.graph = Graph()
        self.stage = -1  # index of the stage being lifted
        self._sizes = {(Location.BSS, 0): blob.bss_bytes, (Location.CMX, 0): blob.cmx_bytes}
        for location, infos in ((Location.INPUT, blob.inputs), (Location.OUTPUT, blob.outputs)):
            self._sizes |= {(location, info.index): info.size_bytes for info in infos}

    def read(self, buffer: Buffer) -> Value:
        """The value a buffer holds, shape in logical axes."""
        if buffer.location is Location.BLOB:
            return constant(self.array(buffer))
        return self.trace(buffer).value(_DTYPES[buffer.desc.data_type])

    def trace(self, buffer: Buffer, view: View | None = None) -> Trace:
        """Where a buffer's elements come from; ``view`` narrows it."""
        _check_static(buffer)
        place = view or View.of(buffer)
        # The hardware reads whole blocks of channels, and so up to some planes beyond the end.
        size = self._size(place)
        if place.offset > size or place.size * place.itemsize > 2 * size + READ_BEYOND:
            raise RunError(f"a read of {buffer} from a memory of {size} bytes")
        return self.memory.trace(place)

    def _size(self, view: View) -> int:
        """Bytes of the arena or tensor that a view is in."""
        try:
            return self._sizes[view.arena]
        except KeyError:
            raise RunError(f"there is no {view.arena[0].name} {view.arena[1]}") from None

    def read_view(self, buffer: Buffer, view: View) -> Value:
        """The value a part of a buffer holds."""
        return self.trace(buffer, view).value(_DTYPES[buffer.desc.data_type])

    def read_stored(self, buffer: Buffer) -> Value:
        """The value with its axes as they lie, outermost first."""
        return transpose(self.read(buffer), np.argsort(stored_to_logical(buffer.desc)).tolist())

    def array(self, buffer: Buffer) -> np.ndarray:
        """A constant operand, shape in logical axes, read only."""
        if buffer.location is not Location.BLOB:
            raise RunError(f"{buffer} is computed, where a constant belongs")
        return self.blob.array(buffer).transpose(stored_to_logical(buffer.desc))

    def flat(self, buffer: Buffer) -> np.ndarray:
        """A constant's elements in the order of the file, 1-D, floats widened to FP32."""
        if buffer.location is not Location.BLOB:
            raise RunError(f"{buffer} is computed, where a constant belongs")
        data = self.blob.array(buffer).ravel()
        return data.astype(np.float32) if data.dtype.kind == "f" else data

    def write(self, buffer: Buffer, value: Value, view: View | None = None) -> None:
        """Store a result, cast to the buffer's type and shaped as it is."""
        _check_static(buffer)
        if buffer.location not in _ARENAS:
            raise RunError(f"a result written to {buffer.place}")
        place = view or View.of(buffer)
        if place.offset < 0 or place.end > self._size(place):
            raise RunError(f"{buffer} lies outside its memory of {self._size(place)} bytes")
        if value.size != place.size:
            raise RunError(f"a result of shape {value.shape} for {buffer}")
        value = convert(reshape(value, place.shape), _DTYPES[buffer.desc.data_type])
        tag([value], self.stage)
        self.memory.write(place, value)

    def write_stored(self, buffer: Buffer, value: Value) -> None:
        """Store a result whose axes are as they lie, outermost first."""
        if value.size != buffer.desc.element_count:
            raise RunError(f"a result of shape {value.shape} for {buffer}")
        value = reshape(value, buffer.desc.shape)
        self.write(buffer, transpose(value, stored_to_logical(buffer.desc)))

    def dtype(self, buffer: Buffer) -> np.dtype:
        """Type of the values that stand for a buffer's elements."""
        return _DTYPES[buffer.desc.data_type]


def _check_static(buffer: Buffer) -> None:
    if buffer.desc.is_dynamic:
        raise RunError(f"{buffer} has a shape that is known only at run time")


def truth(value: Value) -> Value:
    """``value != 0`` as BOOL; what was made from BOOL is taken from before that."""
    if value.dtype == BOOL:
        return value
    if value.node.op == "Convert" and value.node.inputs[0].dtype == BOOL:
        return value.node.inputs[0]
    return binary("NotEqual", value, constant(np.zeros((), value.dtype)))


def parameter(shape: tuple[int, ...], dtype: np.dtype, name: str) -> Value:
    """An input of the graph."""
    return make("Parameter", (), shape, dtype, name=name)
