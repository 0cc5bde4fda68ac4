"""Which layer each stage comes from: the engine's graph, and what we read out of it."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest

from oakwright.blob import Blob
from oakwright.compiler import CompileOptions, compile_ir, compile_traced
from oakwright.compiler.origins import StageOrigin, read_origins
from oakwright.errors import EngineNotFound
from oakwright.ir import legalise, serialise


def _network() -> tuple[bytes, bytes]:
    x = ov.opset1.parameter([1, 4, 16, 16], np.float32, name="x")
    kernel = np.full([8, 4, 3, 3], 0.1, np.float32)
    wide = ov.opset1.convolution(x, kernel, [1, 1], [1, 1], [1, 1], [1, 1], name="body/conv [1]")
    out = ov.opset1.softmax(ov.opset1.exp(wide, name="exp"), 1, name="y")
    return serialise(legalise(ov.Model([out], [x], "two")).model)


def test_the_graph_changes_no_byte_and_names_every_stage():
    xml, weights = _network()
    options = CompileOptions(shaves=4)
    try:
        plain = compile_ir(xml, weights, options)
    except EngineNotFound as error:
        pytest.skip(str(error))
    traced, origins = compile_traced(xml, weights, options)
    assert traced == plain
    stages = Blob.from_bytes(plain).stages
    assert [(o.index, o.type) for o in origins] == [(s.index, s.name) for s in stages]
    by_type = {origin.type: origin for origin in origins}
    assert by_type["MyriadXHwOp"].layer == "body/conv [1]"
    assert by_type["MyriadXHwOp"].operation == "Convolution"
    assert by_type["Exp"].layer == "exp"


def test_only_stages_of_the_blob_are_read():
    text = r"""
        label="[3 / 7] Stage a@b\ltype = Copy\lorigLayer = [\l    name = a\l    type = Relu\l]\l"
        label="[-1 / 8] Stage view\ltype = Reshape\lorigLayer = [\l    name = r\l    type = R\l]\l"
        label="[1 / 2] Stage alone\ltype = Exp\lnumSHAVEs = 2\l"
        label="Data a\lusage = Input\l"
    """
    assert read_origins(text) == (
        StageOrigin(1, "alone", "Exp", "", ""),
        StageOrigin(3, "a@b", "Copy", "a", "Relu"),
    )
    assert read_origins("") == ()
