"""``-iop`` says precisions of inputs and outputs alike, as the gaze demo of DepthAI's own has it.

The real depthai reads what came out.
"""

import depthai as dai
import numpy as np
import pytest
from openvino import Model
from openvino import opset8 as ops

from oakwright import conversion
from oakwright.errors import UsageError

WORDS = "-iop angles:FP16,left:U8,right:U8"


def three_inputs() -> Model:
    pictures = [ops.parameter([1, 3, 8, 8], np.float32, name=name) for name in ("left", "right")]
    angles = ops.parameter([1, 3], np.float32, name="angles")
    means = [
        ops.reshape(ops.avg_pool(p, [8, 8], [0, 0], [0, 0], [8, 8], False), [1, 3], False)
        for p in pictures
    ]
    out = ops.add(ops.add(means[0], means[1]), angles)
    out.friendly_name = "gaze"
    out.output(0).set_names({"gaze"})
    for parameter in (*pictures, angles):
        parameter.output(0).set_names({parameter.friendly_name})
    return Model([ops.result(out)], [*pictures, angles], "gaze")


def convert(words: str):
    options, _ = conversion.from_arguments([], [words], shaves=4)
    return conversion.convert(three_inputs(), options=options, cache=False)


def tensors(blob: bytes, path):
    path.write_bytes(blob)
    read = dai.OpenVINO.Blob(str(path))
    return {
        name: info.dataType.name
        for table in (read.networkInputs, read.networkOutputs)
        for name, info in table.items()
    }


def test_names_of_inputs_alone_are_enough(tmp_path):
    found = tensors(convert(WORDS).blobs[4], tmp_path / "gaze.blob")
    assert found == {"left": "U8F", "right": "U8F", "angles": "FP16", "gaze": "FP16"}


def test_an_output_may_be_among_them(tmp_path):
    found = tensors(convert(WORDS + ",gaze:FP32").blobs[4], tmp_path / "gaze.blob")
    assert found == {"left": "U8F", "right": "U8F", "angles": "FP16", "gaze": "FP32"}


def test_a_name_of_neither_is_named():
    with pytest.raises(UsageError, match="no input or output 'nose'"):
        convert("-iop left:U8,nose:FP16")


def test_other_flags_stay_as_strict():
    with pytest.raises(UsageError, match="no output 'left'"):
        convert("-op left:FP16")
    with pytest.raises(UsageError, match="no input 'gaze'"):
        convert("-ip gaze:FP16")
