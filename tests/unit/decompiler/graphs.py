"""Small graphs and blobs' memory for tests, and what they compute."""

import math

import numpy as np
import openvino as ov

from oakwright.blob import Location
from oakwright.decompiler.emit import emit
from oakwright.decompiler.graph import F32, Graph, Value
from oakwright.decompiler.lifter import parameter
from oakwright.decompiler.views import View


def variable(*shape: int, name: str = "x") -> Value:
    """An FP32 input."""
    return parameter(shape, F32, name)


def graph_of(inputs: list[Value], *outputs: Value) -> Graph:
    """A graph with outputs named y0, y1 ..."""
    return Graph(list(inputs), [(f"y{i}", v) for i, v in enumerate(outputs)])


def ops(graph: Graph) -> list[str]:
    """Ops that are not constants or inputs, sorted."""
    return sorted(n.op for n in graph if n.op not in ("Constant", "Parameter"))


def computed(graph: Graph, seed: int = 0) -> list[np.ndarray]:
    """What the graph's outputs are for random inputs."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=v.shape).astype(np.float32) for v in graph.inputs]
    model = emit(graph, "test")
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    results = ov.Core().compile_model(model, "CPU", hints)(inputs)
    return [np.array(results[i]) for i in range(len(graph.outputs))]


def moved(value: Value, inputs: dict[Value, np.ndarray]) -> np.ndarray:
    """A value that only moves elements of inputs about, by numpy: fast, and independent."""
    known = dict(inputs)
    for node in Graph(list(inputs), [("y", value)]):
        if node.outputs[0] in known:
            continue
        args, a = [known[v] for v in node.inputs], node.attributes
        known[node.outputs[0]] = {
            "Constant": lambda a=a: a["data"],
            "Reshape": lambda n=node, args=args: args[0].reshape(n.outputs[0].shape),
            "Transpose": lambda a=a, args=args: args[0].transpose(a["order"]),
            "Concat": lambda a=a, args=args: np.concatenate(args, a["axis"]),
            "Gather": lambda args=args: np.take(args[0], args[1], int(args[2])),
            "Slice": lambda a=a, args=args: args[0][
                tuple(map(slice, a["begin"], a["end"], a["step"]))
            ],
        }[node.op]()
    return known[value]


def compact(shape: tuple[int, ...], offset: int = 0, itemsize: int = 2, order=None) -> View:
    """A view without gaps in BSS; ``order`` lists axes as they lie, outermost first."""
    order = list(range(len(shape))) if order is None else list(order)
    strides = [0] * len(shape)
    step = itemsize
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return View((Location.BSS, 0), offset, tuple(shape), tuple(strides), itemsize)


class Arena:
    """Memory as numpy has it, beside which a ``Memory`` is tested: one float per element."""

    def __init__(self, elements: int = 4096) -> None:
        self.data = np.zeros(elements, np.float32)

    def _at(self, view: View) -> np.ndarray:
        index = np.array(view.offset // view.itemsize)
        for dim, stride in zip(view.shape, view.strides, strict=True):
            index = np.add.outer(index, np.arange(dim) * (stride // view.itemsize))
        return index

    def write(self, view: View, data: np.ndarray) -> None:
        self.data[self._at(view)] = data

    def read(self, view: View) -> np.ndarray:
        return self.data[self._at(view)]


def numbered(shape: tuple[int, ...], start: int = 1) -> np.ndarray:
    """Different numbers, none of them 0."""
    return np.arange(start, start + math.prod(shape), dtype=np.float32).reshape(shape)
