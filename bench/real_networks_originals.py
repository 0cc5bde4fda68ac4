"""Running a network's original file with the framework it was made for, in FP32."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def original(source: Any, file: Path) -> tuple[str, Run]:
    """What runs the original, and how: real arrays by input name to arrays by output name."""
    if hasattr(source, "state_dict"):
        return "PyTorch", _torch(source)
    if file.suffix == ".onnx" and importlib.util.find_spec("onnxruntime"):
        return "onnxruntime", _onnxruntime(file)
    if file.suffix == ".tflite" and importlib.util.find_spec("ai_edge_litert"):
        return "LiteRT", _litert(file)
    if file.suffix == ".caffemodel":
        return "OpenCV", _caffe(file)
    return "OpenVINO", _openvino(file)


def module(factory: str, file: Path, folders: list[Path]) -> Any:
    """A torch module of a package's own code, with the package's own weights."""
    import torch

    sys.path[:0] = [str(folder) for folder in folders]
    weights = torch.load(file, map_location="cpu", weights_only=True)
    if factory == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name("efficientnet-lite0")
    elif factory == "mobilenet_bottleneck":
        # The package's __init__ wants more than it says; its file of the network wants torch.
        path = file.parents[1] / "mobilenetv2_bottle.py"
        spec = importlib.util.spec_from_file_location("mobilenetv2_bottle", path)
        code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(code)
        net = code.MobileNetV2_bottle(input_size=224, width_mult=1.0)
    else:
        raise ValueError(f"no factory {factory}")
    net.load_state_dict(weights)
    return net.eval()


def _torch(net: Any) -> Run:
    import torch

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.no_grad():
            made = net(*(torch.from_numpy(value) for value in inputs.values()))
        return {"": made.numpy()}

    return run


def _onnxruntime(file: Path) -> Run:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    if any(port.shape[:1] == [10] for port in session.get_inputs()):  # a batch of ten, for good
        return _openvino(file)
    types = {port.name: port.type for port in session.get_inputs()}

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        kinds = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
        fed = {
            name: value.astype(kinds.get(types[name], np.float32)) for name, value in inputs.items()
        }
        values = session.run(None, fed)
        return dict(zip((port.name for port in session.get_outputs()), values, strict=True))

    return run


def _litert(file: Path) -> Run:
    from ai_edge_litert import interpreter as litert

    engine = litert.Interpreter(str(file))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        details = {d["name"]: d for d in engine.get_input_details()}
        only = next(iter(details.values())) if len(details) == 1 else None
        at = {name: details.get(name) or only for name in inputs}
        for name, value in inputs.items():
            engine.resize_tensor_input(at[name]["index"], value.shape)
        engine.allocate_tensors()
        for name, value in inputs.items():
            engine.set_tensor(at[name]["index"], value.astype(at[name]["dtype"]))
        engine.invoke()
        return {d["name"]: engine.get_tensor(d["index"]) for d in engine.get_output_details()}

    return run


def _caffe(file: Path) -> Run:
    import cv2

    text = next(file.parent.glob("*.prototxt"))
    net = cv2.dnn.readNetFromCaffe(str(text), str(file))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name, value in inputs.items():
            net.setInput(value, name)
        return {"": net.forward()}

    return run


def _openvino(file: Path) -> Run:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(file))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        model.reshape({name: list(value.shape) for name, value in inputs.items()})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        made = compiled(dict(inputs))
        return {port.get_any_name(): made[port] for port in compiled.outputs}

    return run
