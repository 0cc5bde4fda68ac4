"""Operators for onnx.reference where it does not compute what ONNX defines.

Found by comparing it with ONNX's own text and OpenVINO (onnx 1.23.2): versions of an operator
before the newest are evaluated with the newest one's meaning or defaults.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun


class BatchNormalization(OpRun):  # type: ignore[misc]
    """y = (x - mean) / sqrt(var + epsilon) * scale + bias, per channel.

    Versions 9 to 13 have a momentum, which only training uses; the reference takes its presence
    for training and mixes the input's own statistics in.
    """

    def _run(self, x, scale, bias, mean, var, epsilon=1e-5, **rest):  # type: ignore[no-untyped-def]
        if rest.get("training_mode"):
            raise NotImplementedError("BatchNormalization in training mode")
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        factor = scale / (var + epsilon) ** 0.5
        shifted = (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)
        return (shifted.astype(x.dtype),)


class _OverAxis(OpRun):  # type: ignore[misc]
    """Before version 13 the axis is 1 by default and everything from it on is taken together."""

    def _run(self, x, **_: Any):  # type: ignore[no-untyped-def]
        given = [attribute.i for attribute in self.onnx_node.attribute if attribute.name == "axis"]
        if self.run_params["opsets"].get("", 13) >= 13:
            return (self.along(x, given[0] if given else -1).astype(x.dtype),)
        axis = given[0] if given else 1
        axis += x.ndim * (axis < 0)
        flat = x.reshape(int(np.prod(x.shape[:axis])), -1)
        return (self.along(flat, 1).reshape(x.shape).astype(x.dtype),)

    def along(self, x: np.ndarray, axis: int) -> np.ndarray:
        """The operator along one axis."""
        raise NotImplementedError


class Softmax(_OverAxis):
    """exp(x) / sum(exp(x))."""

    def along(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Along one axis, safe from overflow."""
        powers = np.exp(x - x.max(axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis, keepdims=True))


class LogSoftmax(_OverAxis):
    """x - log(sum(exp(x)))."""

    def along(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Along one axis, safe from overflow."""
        low = x - x.max(axis, keepdims=True)
        return np.asarray(low - np.log(np.exp(low).sum(axis, keepdims=True)))


class LpNormalization(OpRun):  # type: ignore[misc]
    """x / (sum |x|^p)^(1/p); the reference takes odd powers of negative numbers as they are."""

    def _run(self, x, axis=-1, p=2):  # type: ignore[no-untyped-def]
        norm = (np.abs(x) ** p).sum(axis, keepdims=True) ** (1 / p)
        return (np.where(norm == 0, x, x / np.where(norm == 0, 1, norm)).astype(x.dtype),)


def mended_operators() -> list[Any]:
    """What to hand to ``ReferenceEvaluator(new_ops=...)``."""
    return [BatchNormalization, Softmax, LogSoftmax, LpNormalization]
