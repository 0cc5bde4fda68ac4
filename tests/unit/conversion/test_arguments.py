import pytest

from oakwright.conversion import ConvertOptions, read_compile_arguments, read_mo_arguments
from oakwright.errors import UsageError
from oakwright.tensor import Precision


def mo(*words: str) -> ConvertOptions:
    return read_mo_arguments(words)[1]


def test_the_tutorial_s_arguments():
    asked, options = read_mo_arguments(
        ["--input_model", "m.onnx", "--data_type=FP16", "--mean_values=[0,0,0]",
         "--scale_values=[255,255,255]", "--reverse_input_channels", "-o", "exports", "-n", "mask"]
    )  # fmt: skip
    assert (asked.model, asked.output_dir, asked.name) == ("m.onnx", "exports", "mask")
    entry = options.for_input("anything")
    assert (entry.mean, entry.scale) == ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
    assert entry.is_reversed
    assert options.compress_to_fp16


def test_values_by_name():
    options = mo("--mean_values=image[1,2,3],depth[4]", "--scale_values", "image(5,6,7)")
    assert options.for_input("image").mean == (1.0, 2.0, 3.0)
    assert options.for_input("depth").mean == (4.0,)


def test_lists_in_order_go_by_position():
    options = mo("--mean_values=[1,2,3],[4]", "--input_shape=[1,3,8,8],[1,1]")
    assert options.for_input("a", 0).mean == (1.0, 2.0, 3.0)
    assert options.for_input("b", 1).mean == (4.0,)
    assert options.for_input("b", 1).shape == (1, 1)


def test_inputs_with_shapes_and_frozen_values():
    options = mo("--input", "data[1 3 224 224],train->False,alpha{f32}->[0.5,1]")
    assert options.for_input("data").shape == (1, 3, 224, 224)
    assert options.for_input("train").freeze == (0.0,)
    assert options.for_input("alpha").freeze == (0.5, 1.0)


def test_shapes_belong_to_the_inputs_named_before_them():
    options = mo("--input=a,b", "--input_shape=[1,2],[3,4]")
    assert options.for_input("b").shape == (3, 4)


def test_layout_with_and_without_names():
    assert mo("--layout", "nhwc").for_input("x").layout == ("NHWC", "NHWC")
    assert mo("--layout=x(nhwc->nchw),y(nc)").for_input("x").layout == ("NHWC", "NCHW")


def test_fp32_keeps_the_weights():
    assert not mo("--data_type=FP32").compress_to_fp16
    assert mo("--compress_to_fp16").compress_to_fp16
    assert not mo("--compress_to_fp16=False").compress_to_fp16


def test_outputs_are_cut():
    assert mo("--output", "a,b/c:0").outputs == ("a", "b/c:0")


def test_tuning_flags_are_listed_not_lost():
    asked, _ = read_mo_arguments(["--silent", "--log_level", "DEBUG"])
    assert asked.ignored == ["--silent", "--log_level"]


@pytest.mark.parametrize(
    "words",
    [
        ["--transformations_config", "x.json"],
        ["model.onnx"],
        ["--input_shape", "[1,?,3]"],
        ["--mean_values", "[a,b]"],
        ["--batch", "4"],
        ["--data_type", "INT4"],
        ["--input_model"],
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(words):
    with pytest.raises(UsageError):
        read_mo_arguments(words)


def test_compile_parameters_in_one_text():
    found = read_compile_arguments(["-ip U8 -op FP16", "-VPU_NUMBER_OF_SHAVES 6"])
    assert found.input_precisions == {"": Precision.U8}
    assert found.output_precisions == {"": Precision.FP16}
    assert found.shaves == 6


def test_compile_parameters_by_name_and_by_file(tmp_path):
    config = tmp_path / "myriad.conf"
    config.write_text("# comment\nMYRIAD_NUMBER_OF_SHAVES 4\nMYRIAD_ENABLE_HW_ACCELERATION NO\n")
    found = read_compile_arguments(["-iop", "image:U8,out:FP32", "-c", str(config), "-d", "MYRIAD"])
    assert found.input_precisions["image"] is Precision.U8
    assert found.output_precisions["out"] is Precision.FP32
    assert (found.shaves, found.config) == (4, {"MYRIAD_ENABLE_HW_ACCELERATION": "NO"})


@pytest.mark.parametrize(
    "words", [["-ip"], ["-d CPU"], ["-frob 1"], ["U8"], ["-ip U9"], ["-c nowhere"]]
)
def test_wrong_compile_parameters_are_refused(words):
    with pytest.raises(UsageError):
        read_compile_arguments(words)
