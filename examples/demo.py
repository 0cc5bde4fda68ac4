"""The whole trip in one script, in two parts.

    python examples/demo.py [--image picture.jpg] [--out demo-output]

First a network written here → blob → look inside → run on a picture. It is image processing: a
Gaussian blur, and the edges that remain when the blur is taken away; written as ONNX by this file,
without any training framework. Then a complete application with two trained networks on the virtual
OAK, filmed and compared with the truth of what it saw: `rooms/`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import oakwright
from oakwright.files import write_aside

SIZE = 300


def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """A normalised Gaussian, size x size: exp(-(x² + y²) / 2σ²)."""
    axis = np.arange(size) - (size - 1) / 2
    line = np.exp(-(axis**2) / (2 * sigma**2))
    kernel = np.outer(line, line)
    return (kernel / kernel.sum()).astype(np.float32)


def edge_network() -> onnx.ModelProto:
    """ONNX: frame [1,3,300,300] in 0..255 → ``blur`` and ``edges`` of the same shape."""
    blur = np.repeat(gaussian_kernel(9, 2.5)[None, None], 3, axis=0)  # one kernel per channel
    weights = {
        "kernel": blur,
        "pads": np.array([0, 0, 4, 4, 0, 0, 4, 4], np.int64),
        "gain": np.array(3, np.float32),
        "lowest": np.array(0, np.float32),
        "highest": np.array(255, np.float32),
    }
    nodes = [
        helper.make_node("Pad", ["frame", "pads"], ["wide"], mode="reflect"),
        helper.make_node("Conv", ["wide", "kernel"], ["blur"], group=3),
        helper.make_node("Sub", ["frame", "blur"], ["detail"]),
        helper.make_node("Abs", ["detail"], ["strength"]),
        helper.make_node("Mul", ["strength", "gain"], ["bright"]),
        helper.make_node("Clip", ["bright", "lowest", "highest"], ["edges"]),
    ]
    shape = [1, 3, SIZE, SIZE]
    graph = helper.make_graph(
        nodes,
        "edges",
        [helper.make_tensor_value_info("frame", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("blur", "edges")],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def generated_picture() -> np.ndarray:
    """A picture with edges in all directions, BGR, 480x640: nothing is downloaded."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    picture = np.stack([60 + x / 8, 80 + y / 6, 150 - x / 10], axis=-1).astype(np.uint8)
    cv2.circle(picture, (200, 220), 110, (40, 190, 250), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (380, 90), (560, 330), (220, 120, 40), -1)
    cv2.putText(picture, "oakwright", (60, 430), cv2.FONT_HERSHEY_TRIPLEX, 2.4, (255, 255, 255), 4)
    for k in range(12):
        cv2.line(picture, (400 + 14 * k, 100), (560, 320 - 18 * k), (30, 30, 90), 2, cv2.LINE_AA)
    return picture


@contextmanager
def step(text: str):
    """Print a step with the time it took."""
    started = time.perf_counter()
    yield
    print(f"{time.perf_counter() - started:7.2f} s  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, help="a picture; one is drawn without it")
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    parser.add_argument("--pictures", type=int, default=75, help="of the second part's film")
    arguments = parser.parse_args()
    if arguments.pictures < 1:
        parser.error("--pictures: at least 1")
    started = time.perf_counter()
    edges(arguments.out, arguments.image)
    rooms(arguments.out, arguments.pictures)
    print("\nleft behind:")
    for path in sorted(arguments.out.iterdir()):
        print(f"  {path}  {path.stat().st_size:,} bytes")
    print(f"\n{time.perf_counter() - started:.0f} s in all")


def rooms(out: Path, pictures: int) -> None:
    """The second part: what is in the room?"""
    sys.path.insert(0, str(Path(__file__).with_name("rooms")))
    import show

    total = show.two_stages(out, step, pictures=pictures)
    print(f"\nthe application against the room's truth: {show.told(total)}")
    if not show.is_good(total):
        raise SystemExit("error: the packaged networks do better than that; something is broken")


def edges(out: Path, image: Path | None) -> None:
    """The first part: edges.onnx → edges.blob → edges.png."""
    with step("write the network as ONNX"):
        model = edge_network()
        onnx_path = write_aside(out / "edges.onnx", model.SerializeToString())
    with step("convert: ONNX → IR → blob (the first run fetches the compile engine, 41 MB)"):
        result = oakwright.convert(str(onnx_path), shaves=6, input_precision="U8", cache=False)
        written = result.save(out / "edges.blob", keep_ir=True)
    with step("look inside the blob"):
        blob = oakwright.Blob.open(written[0])
        summary = blob.describe()
    with step("DepthAI parses it"):
        os.environ.setdefault("DEPTHAI_LEVEL", "error")  # it warns that there is no USB here
        import depthai

        parsed = depthai.OpenVINO.Blob(str(written[0]))
        names = ", ".join([*parsed.networkInputs, *parsed.networkOutputs])
    with step("decompile the blob and run it on the CPU"):
        picture = cv2.imread(str(image)) if image else generated_picture()
        if picture is None:
            raise SystemExit(f"error: {image} cannot be read as a picture")
        frame = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        planar = frame.transpose(2, 0, 1)[None]
        outputs = oakwright.run(blob, {"frame": planar})
    with step("compare with the IR on OpenVINO's CPU plugin"):
        difference = compare_with_ir(written, planar, outputs)
    with step("draw the picture"):
        panels = [frame]
        for name in ("blur", "edges"):
            values = np.asarray(outputs[name], np.float32).reshape(3, SIZE, SIZE)
            pixels = np.clip(values, 0, 255).astype(np.uint8).transpose(1, 2, 0)
            panels.append(np.ascontiguousarray(pixels))
        for panel, title in zip(panels, ("frame", "blur", "edges"), strict=True):
            cv2.putText(panel, title, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 4)
            cv2.putText(panel, title, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
        ok, png = cv2.imencode(".png", np.hstack(panels))
        if not ok:
            raise SystemExit("error: OpenCV could not encode the picture")
        write_aside(out / "edges.png", png.tobytes())

    print(f"\n{summary}\n")
    print(f"DepthAI reads: {names}")
    print(f"blob against IR: largest difference {difference:.1e} of the largest value")
    if difference > 4e-3:
        raise SystemExit("error: the blob does not compute what the IR computes")


def compare_with_ir(written: list[Path], planar: np.ndarray, outputs: dict) -> float:
    """max |blob - IR| / max |IR| over all outputs; OpenVINO computes in FP32."""
    import openvino as ov

    core = ov.Core()
    ir = next(path for path in written if path.suffix == ".xml")
    compiled = core.compile_model(core.read_model(ir), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = compiled({0: planar.astype(np.float32)})
    worst = 0.0
    for port in compiled.outputs:
        reference = wanted[port]
        got = np.asarray(outputs[port.get_any_name()], np.float32).reshape(reference.shape)
        # A grey picture has no edges at all.
        largest = max(float(np.abs(reference).max()), 1.0)
        worst = max(worst, float(np.abs(got - reference).max()) / largest)
    return worst


if __name__ == "__main__":
    main()
