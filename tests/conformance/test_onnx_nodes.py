"""ONNX's own node tests: what each came to when the table was written, it comes to now.

Kept both ways: a case that gets worse fails, and so does one that gets better until
`python bench/onnx_conformance.py` has written the table anew.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

from oakwright.errors import EngineNotFound
from tests.conformance.onnx_nodes import Outcome, attempt, cases, expected, expected_for, final

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "onnx-operations.md"
EXPECTED = expected()
LEAST = 0.72
# One of each kind: plain, integers held, parameters held, written out, refused, not read.
QUICK = (
    *("relu", "add_bcast", "softmax_axis_1", "gather_negative_indices", "swiglu"),
    *("layer_normalization_4d_axis_negative_3", "reshape_reordered_all_dims", "isinf"),
    *("conv_with_strides_padding", "gru_defaults", "attention_local_window", "acosh"),
    *("nonmaxsuppression_two_classes", "cumprod_1d", "shape", "dequantizelinear_e4m3fn_float16"),
)


def _needs_the_version() -> None:
    if onnx.__version__ != expected_for():
        pytest.skip(f"the table is for onnx {expected_for()}, this is {onnx.__version__}")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in EXPECTED]
)
def test_case(name: str) -> None:
    _needs_the_version()
    try:
        outcome = final(attempt(cases()[name]))
    except EngineNotFound as error:
        pytest.skip(str(error))
    assert not outcome.is_fault, outcome
    was = EXPECTED[name]
    assert (outcome.result, outcome.held) == (was["result"], was["held"]), outcome.reason


def test_every_case_is_listed() -> None:
    _needs_the_version()
    assert set(cases()) == set(EXPECTED)
    assert set(QUICK) <= set(EXPECTED)


def test_no_fault_is_accepted_and_enough_agree() -> None:
    outcomes = [Outcome(each["result"], each["held"]) for each in EXPECTED.values()]
    assert not [each for each in outcomes if each.is_fault]
    agree = sum(each.result == "agrees" for each in outcomes)
    assert agree >= LEAST * len(outcomes)


def test_the_page_says_what_the_list_says() -> None:
    text = PAGE.read_text()
    counts = Counter(each["result"] for each in EXPECTED.values())
    assert f"**{counts['agrees']} of {len(EXPECTED)} cases" in text
    rows = re.findall(r"^\| [\w.]+ \| (\d+) \| (\d+) \+ (\d+) \+ (\d+) \|", text, re.MULTILINE)
    assert sum(int(row[0]) for row in rows) == len(EXPECTED)
    for at, held in enumerate(("nothing", "integers", "parameters"), 1):
        agree = [e for e in EXPECTED.values() if e["result"] == "agrees" and e["held"] == held]
        assert sum(int(row[at]) for row in rows) == len(agree)
