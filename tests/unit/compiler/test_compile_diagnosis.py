"""The engine's words, as they were seen, and what becomes of them."""

from __future__ import annotations

import pytest

from oakwright.compiler import diagnosis
from oakwright.errors import CompileError, EngineCrashed, EngineNotFound

AT = "[ GENERAL_ERROR ] \n/build/src/vpu/file.cpp:441 "

# raw text, layer, what the message says
SEEN = [
    (f'{AT}Failed to compile layer "a/b": unsupported layer type "Sin"', "a/b", "operation Sin"),
    ("Cannot create Gelu layer g 1 id:7 from unsupported opset: opset9", "g 1", "opset9 is newer"),
    (
        f"mul of type Eltwise: {AT}Stage node mul (Prod) types check error: input #1 has type S32, "
        "but one of [FP16] is expected",
        "mul",
        "its input 1 is S32 where the stage Prod takes FP16",
    ),
    (
        f"{AT}Stage node out (Copy) types check error: output #0 has type U8, but FP16 is expected",
        "out",
        "cannot be U8, only FP16",
    ),
    (
        f"{AT}Expecting operation v1::GroupConvolution conv (x[0]:f16{{1,3}}) -> (f16{{1,4}}) to "
        "have constant kernel, got w[0]:f16{4,3,3,3}",
        "conv",
        "this GroupConvolution takes its weights from another layer",
    ),
    ("Pad p/1 with not constant pad_value is not allowed", "p/1", "a Pad fills"),
    (
        f'{AT}Failed to compile layer "LSTMSequenceIE_9": {AT}AssertionFailed: !expired()',
        "LSTMSequenceIE_9",
        "LSTM sequence",
    ),
    (f'{AT}Failed to compile layer "z": something new', "z", "layer z: something new"),
    (
        "Check 'x' failed at core/src/op/reshape.cpp:395:\nWhile validating node 'v1::Reshape y "
        "(x[0]:f16{1,3}) -> (f16{?,?})' with friendly_name 'y':\nRequested output shape {6,20} is "
        "incompatible with input shape Shape{1, 3, 4, 5}",
        "y",
        "Reshape",
    ),
    ("y has zero dimension which is not allowed", "y", "without elements"),
    ("Incorrect weights in bin file!", None, "weights do not fit"),
    ('Cannot allocate "18" shaves: only 16 is available', None, "does not have the shaves"),
    ("words nobody has seen", None, "while compiling: words nobody has seen"),
]


@pytest.mark.parametrize(("raw", "layer", "says"), SEEN)
def test_what_the_engine_says(raw: str, layer: str | None, says: str):
    error = diagnosis.refusal("compile", [("kind", "an earlier one"), ("kind", raw), ("kind", "")])
    assert type(error) is CompileError
    assert (error.layer, error.engine_message) == (layer, raw)
    assert says in error.message
    assert error.remedy
    assert "/build/" not in error.message


def test_silence_is_reported_as_such():
    error = diagnosis.refusal("read", [])
    assert "reading the IR and did not say why" in error.message
    assert error.engine_message == ""


@pytest.mark.parametrize(
    "throws",
    [[("St9bad_alloc", "std::bad_alloc")], [("St9bad_alloc", ""), ("kind", "went wrong")]],
)
def test_exhausted_memory_is_a_crash(throws: list[tuple[str, str]]):
    error = diagnosis.refusal("compile", throws)
    assert isinstance(error, EngineCrashed)
    assert error.reason == "memory"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("libstdc++.so.6: cannot open shared object file", "libstdc++6"),
        ("x.so: failed to map segment from shared object", "noexec"),
        ("x.so: file too short", "engine install"),
    ],
)
def test_libraries_that_do_not_load(text: str, advice: str):
    error = diagnosis.not_loaded(text, None)
    assert isinstance(error, EngineNotFound)
    assert advice in error.remedy
    assert text in error.message


@pytest.mark.parametrize(
    ("number", "reason"), [(9, "memory"), (11, "signal SIGSEGV"), (99, "signal 99")]
)
def test_signals_have_names(number: int, reason: str):
    assert diagnosis.signal_reason(number) == reason
