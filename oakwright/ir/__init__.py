"""An openvino model down to opset 1..7, and IR v10 bytes."""

from .finding import Finding
from .fp16 import as_stored, ready_for_fp16, scan_activations, scan_constants
from .inspect import describe
from .layers import Layer, layers
from .legalise import Applied, Legalised, PortNames, legalise, port_names
from .oracle import run_on_cpu, tensors_of
from .preprocess import InputPreprocess, preprocess
from .read import read
from .rounding import rms_difference, without_rounding
from .support import check
from .verify import Agreement, compare, relative_difference
from .write import serialise

__all__ = [
    "Agreement",
    "Applied",
    "Finding",
    "InputPreprocess",
    "Layer",
    "Legalised",
    "PortNames",
    "as_stored",
    "check",
    "compare",
    "describe",
    "layers",
    "legalise",
    "port_names",
    "preprocess",
    "read",
    "ready_for_fp16",
    "relative_difference",
    "rms_difference",
    "run_on_cpu",
    "scan_activations",
    "scan_constants",
    "serialise",
    "tensors_of",
    "without_rounding",
]
