"""Blob to ``openvino.Model``: the fast way to run a blob, and the way back to a network."""

from .decompile import decompile, lift_graph
from .graph import Graph
from .runner import CompiledBlob, run

__all__ = ["CompiledBlob", "Graph", "decompile", "lift_graph", "run"]
