"""Blob to ``openvino.Model``: the fast way to run a blob, and the way back to a network."""

from .decompile import decompile, lift_graph
from .graph import Graph
from .lift import LIFTS
from .runner import CompiledBlob, run

__all__ = ["LIFTS", "CompiledBlob", "Graph", "decompile", "lift_graph", "run"]
