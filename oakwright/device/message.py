"""Messages: real ``depthai`` classes, built and copied so that host code sees what a device sends.

Rules. (1) Inside the device messages are shared; at XLink they are copied, because scripts draw
on frames. (2) A copy has exactly the class of its original (``type(m) == dai.ImgFrame`` is used).
(3) A new kind of message is a row in ``_FIELDS``: what its raw form holds besides data and times.
"""

from __future__ import annotations

import datetime
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import depthai as dai
import numpy as np

from .blocks.formats import Frame, check_frame

# Messages' fields (as Python attributes of the raw message) besides data, number and times.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Buffer": (),
    "ImgFrame": ("fb", "category", "instanceNum"),
    "NNData": ("tensors", "batchSize"),
    "EncodedFrame": (
        "bitrate",
        "height",
        "instanceNum",
        "lossless",
        "profile",
        "quality",
        "type",
        "width",
    ),
    "PointCloudData": (
        "width",
        "height",
        "instanceNum",
        "sparse",
        *(f"{end}{axis}" for end in ("min", "max") for axis in "xyz"),
    ),
}
# Messages whose contents are attributes of the message itself.
_LISTS: dict[str, tuple[str, ...]] = {
    "ImgDetections": ("detections",),
    "SpatialImgDetections": ("detections",),
    "IMUData": ("packets",),
    "Tracklets": ("tracklets",),
    "AprilTags": ("aprilTags",),
    "TrackedFeatures": ("trackedFeatures",),
    "SpatialLocationCalculatorData": ("spatialLocations",),
}
# Control and config messages are copied through their setting struct.
_CONFIGS = (
    "CameraControl",
    "ImageManipConfig",
    "StereoDepthConfig",
    "EdgeDetectorConfig",
    "FeatureTrackerConfig",
    "AprilTagConfig",
    "ToFConfig",
    "ImageAlignConfig",
    "PointCloudConfig",
)
# Messages that are made of single values, attributes of the message itself.
_VALUES: dict[str, tuple[str, ...]] = {
    "SystemInformation": (
        "chipTemperature",
        "cmxMemoryUsage",
        "ddrMemoryUsage",
        "leonCssCpuUsage",
        "leonCssMemoryUsage",
        "leonMssCpuUsage",
        "leonMssMemoryUsage",
    ),
}
ALIGNMENT = 64


# -- time and number


def stamp(message: Any, time_s: float, number: int) -> Any:
    """Set both timestamps (clock seconds) and the sequence number."""
    moment = datetime.timedelta(seconds=time_s)
    message.setTimestamp(moment)
    message.setTimestampDevice(moment)
    message.setSequenceNum(number)
    return message


def stamp_like(message: Any, source: Any) -> Any:
    """Take timestamps and sequence number from the message this one was made of."""
    message.setTimestamp(source.getTimestamp())
    message.setTimestampDevice(source.getTimestampDevice())
    message.setSequenceNum(source.getSequenceNum())
    return message


def time_of(message: Any) -> float:
    """The message's timestamp in clock seconds."""
    return float(message.getTimestamp().total_seconds())


# -- images


@cache
def _image_type(name: str) -> Any:
    return getattr(dai.ImgFrame.Type, name)


def image_message(frame: Frame, *, socket: int, category: int = 0) -> Any:
    """An ``ImgFrame`` of a frame; its time and number are still to be stamped."""
    message = dai.ImgFrame()
    message.setType(_image_type(frame.type))
    message.setWidth(frame.width)
    message.setHeight(frame.height)
    message.setData(frame.data)
    message.setInstanceNum(socket)
    message.setCategory(category)
    specs: Any = message.getRaw()
    specs = specs.fb
    specs.bytesPP, specs.stride = frame.bytes_per_pixel, frame.stride
    specs.p1Offset, specs.p2Offset, specs.p3Offset = frame.plane_offsets
    return message


def image_like(frame: Frame, source: Any) -> Any:
    """An ``ImgFrame`` with the camera, time and number of the one it was made of."""
    made = image_message(frame, socket=source.getInstanceNum(), category=source.getCategory())
    return stamp_like(made, source)


def frame_of(message: Any) -> Frame:
    """The frame in an ``ImgFrame``; its bytes are shared, not copied.

    Raises BadFrame where it is of a known type and cannot be read as what it says it is.
    """
    kind, width, height = message.getType().name, message.getWidth(), message.getHeight()
    frame = Frame(kind, width, height, message.getData())
    check_frame(frame)
    return frame


# -- tensors

_TENSOR_TYPES = {"u1": "U8F", "i1": "I8", "f2": "FP16", "f4": "FP32", "i4": "INT"}
_ELEMENT_TYPES = {"U8F": "u1", "I8": "i1", "FP16": "<f2", "FP32": "<f4", "INT": "<i4"}
_ORDERS = {1: "C", 2: "NC", 3: "CHW", 4: "NCHW"}


def tensors_message(tensors: Mapping[str, np.ndarray]) -> Any:
    """An ``NNData`` of arrays by name, each at a multiple of 64 bytes, with no padding at the end.

    Built through the raw message: the host's ``setLayer`` only takes effect when it is sent.
    """
    message = dai.NNData()
    set_tensors(message, tensors)
    return message


def set_tensors(message: Any, tensors: Mapping[str, np.ndarray]) -> None:
    """Replace all layers of an ``NNData``."""
    infos, pieces, offset = [], [], 0
    for name, array in tensors.items():
        gap = -offset % ALIGNMENT
        pieces.append(np.zeros(gap, np.uint8))
        array = np.ascontiguousarray(array)
        infos.append(_tensor_info(name, array, offset + gap))
        pieces.append(array.reshape(-1).view(np.uint8))
        offset += gap + array.nbytes
    message.setData(np.concatenate(pieces) if pieces else np.zeros(0, np.uint8))
    message.getRaw().tensors = infos


def _tensor_info(name: str, array: np.ndarray, offset: int) -> Any:
    info = dai.TensorInfo()
    info.name, info.offset = name, offset
    shape = array.shape or (1,)
    info.dims, info.numDimensions = list(shape), len(shape)
    strides: list[int] = []
    step = array.itemsize
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    info.strides = strides
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    info.dataType = getattr(dai.TensorInfo.DataType, _TENSOR_TYPES[kind])
    order = _ORDERS.get(len(shape))
    if order is not None:
        info.order = getattr(dai.TensorInfo.StorageOrder, order)
    return info


def tensors_of(message: Any) -> dict[str, np.ndarray]:
    """The layers of an ``NNData`` as arrays (views) by name."""
    data, found = message.getData(), {}
    for info in message.getRaw().tensors:
        dtype = np.dtype(_ELEMENT_TYPES[info.dataType.name])
        shape = tuple(info.dims[: info.numDimensions])
        count = int(np.prod(shape, dtype=np.int64))
        start = info.offset
        found[info.name] = data[start : start + count * dtype.itemsize].view(dtype).reshape(shape)
    return found


def set_layer(message: Any, name: str, values: Sequence[float] | np.ndarray) -> None:
    """``NNData.setLayer`` with effect at once: ints are U8, floats FP16, as on the device."""
    array = np.asarray(values)
    if array.dtype.kind == "b" or array.dtype.kind in "iu":
        array = array.astype(np.uint8)
    else:
        array = array.astype(np.float16)
    layers = {key: value.copy() for key, value in tensors_of(message).items()}
    layers[name] = array.reshape(-1)
    set_tensors(message, layers)


# -- any message


def kind_of(message: Any) -> str:
    """The class's name: ``ImgFrame``."""
    return type(message).__name__


def copy_message(message: Any) -> Any:
    """A message with contents of its own."""
    kind = kind_of(message)
    if kind == "MessageGroup":
        copy = dai.MessageGroup()
        for name in message.getMessageNames():
            copy[name] = copy_message(message[name])
    elif kind == "SpatialLocationCalculatorConfig":
        # Its setting struct is not bound; its regions are.
        copy = getattr(dai, kind)()
        copy.setROIs(message.getConfigData())
    elif kind in _CONFIGS:
        copy = getattr(dai, kind)()
        copy.set(message.get())
    else:
        copy = getattr(dai, kind)()
        copy.setData(message.getData())
        source, target = message.getRaw(), copy.getRaw()
        for field in _FIELDS.get(kind, ()):
            setattr(target, field, getattr(source, field))
        for field in (*_LISTS.get(kind, ()), *_VALUES.get(kind, ())):
            setattr(copy, field, getattr(message, field))
    return stamp_like(copy, message)


def size_of(message: Any) -> int:
    """Bytes of the message's data, its parts included."""
    if kind_of(message) == "MessageGroup":
        return sum(size_of(message[name]) for name in message.getMessageNames())
    return len(message.getData())


def content_of(message: Any) -> int | None:
    """A number that differs where contents do; None for a picture of one value or an empty list.

    Large pictures are sampled. A group has content where all of its parts have.
    """
    kind = kind_of(message)
    if kind == "MessageGroup":
        parts = [content_of(message[name]) for name in sorted(message.getMessageNames())]
        return None if not parts or None in parts else hash(tuple(parts))
    if kind in _LISTS:
        items = [item for field in _LISTS[kind] for item in getattr(message, field)]
        return hash(tuple(_text_of(item) for item in items)) if items else None
    if kind in _VALUES:
        return hash(tuple(_text_of(getattr(message, field)) for field in _VALUES[kind]))
    data = message.getData()
    if kind == "ImgFrame" and (not len(data) or data.min() == data.max()):
        return None
    # An odd step meets every plane and column.
    return zlib.crc32(data[:: len(data) // 65536 | 1].tobytes())


def add_to_digest(digest: Any, stream: str, message: Any, *, is_timed: bool = True) -> None:
    """Feed a message to a hash: stream, class, number, time (if ``is_timed``), contents."""
    moment = message.getTimestamp() // datetime.timedelta(microseconds=1) if is_timed else ""
    head = f"{stream}|{kind_of(message)}|{message.getSequenceNum()}|{moment}|"
    digest.update(head.encode())
    if kind_of(message) == "MessageGroup":
        for name in sorted(message.getMessageNames()):
            add_to_digest(digest, name, message[name], is_timed=is_timed)
        return
    digest.update(np.ascontiguousarray(message.getData()))
    for field in _LISTS.get(kind_of(message), ()):
        for item in getattr(message, field):
            digest.update(_text_of(item).encode())
    for field in _VALUES.get(kind_of(message), ()):
        digest.update(_text_of(getattr(message, field)).encode())


def new_digest() -> Any:
    """The hash that ``add_to_digest`` feeds."""
    return hashlib.blake2b(digest_size=16)


def _text_of(item: Any, depth: int = 3) -> str:
    """Every plain field of a bound struct, in the order of names."""
    if isinstance(item, (int, float, str, bool)) or item is None:
        return repr(item)
    if depth == 0:
        return type(item).__name__
    if isinstance(item, (list, tuple)):
        return "[" + ",".join(_text_of(part, depth - 1) for part in item) + "]"
    names = [n for n in dir(item) if not n.startswith("_") and not callable(getattr(item, n))]
    return (
        type(item).__name__
        + "{"
        + ",".join(f"{n}={_text_of(getattr(item, n), depth - 1)}" for n in names)
        + "}"
    )
