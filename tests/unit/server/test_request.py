"""Requests become the same typed options as the command line's, and travel as JSON."""

import pytest

from oakwright.conversion import ConvertOptions, InputOptions
from oakwright.errors import UsageError
from oakwright.server.request import JobRequest, Upload, beside
from oakwright.tensor import Precision

FILES = (Upload("net.onnx", "a" * 64, 3),)


def test_keywords_are_those_of_convert():
    asked = {
        "shaves": "4,6",
        "range": "0..1",
        "color": "RGB->BGR",
        "inputs": {"mask": {"input_precision": "FP16", "mean": 0.0, "scale": [2.0]}},
        "outputs": ["heat"],
        "output_precision": "FP32",
        "stamp": "2021.4",
    }
    assert JobRequest("net", FILES, options=asked).convert_options() == ConvertOptions(
        inputs=(
            InputOptions.of(range="0..1", color="RGB->BGR"),
            InputOptions.of("mask", precision="FP16", mean=0.0, scale=[2.0]),
        ),
        outputs=("heat",),
        shaves=(4, 6),
        output_precision=(("", Precision.FP32),),
        stamp="2021.4",
    )


def test_nothing_said_is_nothing_done():
    assert JobRequest("net", FILES).convert_options() == ConvertOptions()


@pytest.mark.parametrize("bad", [{"scale": 0}, {"mean": "x"}, {"shaves": 0}, {"layout": "QQ"}])
def test_wrong_values_are_refused_before_there_is_a_job(bad):
    with pytest.raises(UsageError):
        JobRequest("net", FILES, options=bad)


def test_a_request_survives_the_ledger_and_its_key_knows_what_decides():
    first = JobRequest("net", FILES, options={"range": "0..1"})
    assert JobRequest.from_json(first.as_json()) == first
    old = JobRequest("net", FILES, optimizer=("--scale=255",), compiling="-ip U8", shaves=4)
    assert JobRequest.from_json(old.as_json()) == old
    others = [
        JobRequest("net", FILES, options={"range": "-1..1"}),
        JobRequest("net", (Upload("net.onnx", "b" * 64, 3),), options={"range": "0..1"}),
        old,
    ]
    assert len({request.key for request in (first, *others)}) == 4
    assert JobRequest("net", FILES, options={"range": "0..1"}, cache=False).key == first.key


def test_weights_lie_where_the_ir_looks_for_them():
    assert beside("a.xml", ["a.xml", "b.bin"]) == {"a.xml": "a.xml", "b.bin": "a.bin"}
    assert beside("a.onnx", ["a.onnx", "b.bin"]) == {"a.onnx": "a.onnx", "b.bin": "b.bin"}
