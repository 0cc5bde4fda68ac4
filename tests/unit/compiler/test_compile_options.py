"""Options are checked where they are said."""

from __future__ import annotations

import pickle

import pytest

from oakwright.compiler import CompileOptions
from oakwright.errors import UsageError
from oakwright.tensor import Precision


def test_mappings_become_hashable_and_travel():
    options = CompileOptions(
        input_precisions={"b": Precision.U8, "a": "fp16"},  # type: ignore[dict-item]
        input_layouts={"b": "nhwc"},
        config={"MYRIAD_ENABLE_HW_ACCELERATION": "NO"},
    )
    assert options.input_precisions == (("a", Precision.FP16), ("b", Precision.U8))
    assert options.input_layouts == (("b", "NHWC"),)
    again = pickle.loads(pickle.dumps(options))
    assert again == options
    assert len({again, options}) == 1


def test_what_the_engine_is_told():
    config = CompileOptions(shaves=6, config={"MYRIAD_ENABLE_HW_ACCELERATION": "NO"})
    assert config.engine_config() == {
        "VPU_MYRIAD_PLATFORM": "VPU_MYRIAD_2480",
        "MYRIAD_NUMBER_OF_SHAVES": "6",
        "MYRIAD_NUMBER_OF_CMX_SLICES": "6",
        "MYRIAD_THROUGHPUT_STREAMS": "1",
        "MYRIAD_DETECT_NETWORK_BATCH": "NO",
        "MYRIAD_ENABLE_HW_ACCELERATION": "NO",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shaves": 0}, "shaves is 0"),
        ({"shaves": 17}, "shaves is 17"),
        ({"shaves": "4"}, "shaves is '4'"),
        ({"shaves": True}, "shaves is True"),
        ({"shaves": 8, "cmx_slices": 7}, "cmx_slices is 7"),
        ({"cmx_slices": 20}, "cmx_slices is 20"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": float("inf")}, "timeout_s"),
        ({"timeout_s": "soon"}, "timeout_s"),
        ({"memory_limit_mb": 0}, "memory_limit_mb"),
        ({"input_precisions": {"x": "FP64"}}, "FP64"),
        ({"input_precisions": {"x": 16}}, "x is 16"),
        ({"input_precisions": 5}, "input_precisions is 5"),
        ({"output_precisions": {"": "FP16"}}, "not a name"),
        ({"output_precisions": (("y", "FP16"), ("y", "FP32"))}, "twice"),
        ({"input_layouts": {"x": "ANY"}}, "ANY"),
        ({"output_layouts": {"y": None}}, "y is None"),
        ({"config": {"A": 1}}, "A is 1"),
        ({"config": {"MYRIAD_IGNORE_UNKNOWN_LAYERS": "YES"}}, "cannot be set"),
        ({"config": {"VPU_IGNORE_UNKNOWN_LAYERS": "YES"}}, "cannot be set"),
        ({"config": {"MYRIAD_NUMBER_OF_SHAVES": "4"}}, "cannot be set"),
        ({"config": {"VPU_MYRIAD_PLATFORM": "VPU_MYRIAD_2450"}}, "cannot be set"),
    ],
)
def test_nonsense_is_refused(options: dict[str, object], says: str):
    with pytest.raises(UsageError, match=says):
        CompileOptions(**options)  # type: ignore[arg-type]
