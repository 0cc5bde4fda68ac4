"""The DepthAI v2 script that goes with a blob: camera or host in, results out, ready to paste."""

from __future__ import annotations

from oakwright.blob import Blob, IOInfo
from oakwright.tensor import Precision

_SIZES = {"C": 1, "H": 2, "W": 3}
DETECTION = 7  # numbers of a row that a DetectionOutput layer gives


def picture_of(info: IOInfo) -> tuple[int, int, int, str] | None:
    """(channels, height, width, layout) where an input takes one picture, else None."""
    spec = info.spec
    if len(spec.shape) != 4 or spec.shape[0] != 1:
        return None
    for layout in ("NCHW", "NHWC") if spec.layout != "NHWC" else ("NHWC",):
        size = dict(zip(layout, spec.shape, strict=True))
        if size["C"] in (1, 3) and min(size["H"], size["W"]) > 1:
            return size["C"], size["H"], size["W"], layout
    return None


def is_detection(blob: Blob) -> bool:
    """Whether the only output is rows of image, class, confidence and box."""
    shapes = [info.spec.shape for info in blob.outputs]
    return len(shapes) == 1 and shapes[0][-1] == DETECTION and shapes[0][:2] == (1, 1)


def depthai_script(blob: Blob, file_name: str, frames: str = "BGR") -> str:
    """A whole script. ``file_name``: where the blob lies; ``frames``: the camera's colour order."""
    picture = picture_of(blob.inputs[0]) if len(blob.inputs) == 1 else None
    if picture and blob.inputs[0].spec.precision not in (Precision.U8, Precision.FP16):
        picture = None
    kind = "MobileNetDetectionNetwork" if is_detection(blob) else "NeuralNetwork"
    lines = ["import depthai as dai"]
    lines += ["import numpy as np"] if not picture else []
    lines += [
        "",
        "pipeline = dai.Pipeline()",
        f"network = pipeline.create(dai.node.{kind})",
        f"network.setBlobPath({file_name!r})",
    ]
    if is_detection(blob):
        lines.append("network.setConfidenceThreshold(0.5)")
    lines += _camera(blob.inputs[0], picture, frames) if picture else _host(blob)
    lines += [
        "results = pipeline.create(dai.node.XLinkOut)",
        'results.setStreamName("results")',
        "network.out.link(results.input)",
        "",
        "with dai.Device(pipeline) as device:",
        '    queue = device.getOutputQueue("results", 4, False)',
        *([] if picture else _sending(blob)),
        "    while True:",
        *([] if picture else ["        source.send(data)"]),
        "        message = queue.get()",
        *_printing(blob),
    ]
    return "\n".join(lines) + "\n"


def _camera(info: IOInfo, picture: tuple[int, int, int, str], frames: str) -> list[str]:
    channels, height, width, layout = picture
    if channels == 1:
        return [
            "camera = pipeline.create(dai.node.MonoCamera)",
            "camera.setBoardSocket(dai.CameraBoardSocket.CAM_B)",
            "picture = pipeline.create(dai.node.ImageManip)",
            f"picture.initialConfig.setResize({width}, {height})",
            "picture.initialConfig.setFrameType(dai.ImgFrame.Type.GRAY8)",
            f"picture.setMaxOutputFrameSize({width * height})",
            "camera.out.link(picture.inputImage)",
            "picture.out.link(network.input)",
        ]
    lines = [
        "camera = pipeline.create(dai.node.ColorCamera)",
        f"camera.setPreviewSize({width}, {height})",
        f"camera.setInterleaved({layout == 'NHWC'})",
        f"camera.setColorOrder(dai.ColorCameraProperties.ColorOrder.{frames})",
    ]
    if info.spec.precision is Precision.FP16:
        lines.append("camera.setFp16(True)")
    if width > 1920 or height > 1080:
        lines.append(
            "camera.setResolution(dai.ColorCameraProperties.SensorResolution.THE_4_K)",
        )
    return [*lines, "camera.preview.link(network.input)"]


def _host(blob: Blob) -> list[str]:
    return [
        "sender = pipeline.create(dai.node.XLinkIn)",
        'sender.setStreamName("inputs")',
        f"sender.setMaxDataSize({sum(info.size_bytes for info in blob.inputs) + 4096})",
        "sender.out.link(network.input)",
    ]


def _sending(blob: Blob) -> list[str]:
    lines = ['    source = device.getInputQueue("inputs")', "    data = dai.NNData()"]
    for info in blob.inputs:
        # What setLayer takes: bytes as a list of uint8, FP16 as numbers that it rounds itself.
        spec, shape = info.spec, list(info.spec.shape)
        said = f"{spec.precision.value} {'x'.join(map(str, shape))} {spec.layout}".rstrip()
        if spec.precision is Precision.FP16:
            values = f"np.zeros({shape}, np.float32).ravel().tolist()"
        elif spec.precision is Precision.U8:
            values = f"np.zeros({shape}, np.uint8).ravel()"
        else:
            kind = spec.precision.numpy.name
            values = f"np.frombuffer(np.zeros({shape}, np.{kind}).tobytes(), np.uint8)"
        lines.append(f"    data.setLayer({spec.name!r}, {values})  # {said}")
    return lines


def _printing(blob: Blob) -> list[str]:
    if is_detection(blob):
        return [
            "        for found in message.detections:",
            "            print(found.label, found.confidence, found.xmin, found.ymin,"
            " found.xmax, found.ymax)",
        ]
    lines = []
    for info in blob.outputs:
        spec = info.spec
        read = "getLayerInt32" if spec.precision is Precision.I32 else "getLayerFp16"
        shape = "x".join(map(str, spec.shape))
        lines.append(f"        print({spec.name!r}, message.{read}({spec.name!r})[:5])  # {shape}")
    return lines
