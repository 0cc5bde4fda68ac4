import pytest

from oakwright.conversion import ConvertOptions, InputOptions, channel_values, parse_shaves
from oakwright.errors import UsageError
from oakwright.tensor import Precision


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("6", (6,)),
        (4, (4,)),
        ("4,6,8", (4, 6, 8)),
        ("1..3", (1, 2, 3)),
        ("all", tuple(range(1, 17))),
    ],
)
def test_shaves_are_read_as_people_write_them(text, wanted):
    assert parse_shaves(text) == wanted


@pytest.mark.parametrize("bad", ["six", "1..", "4;5"])
def test_unreadable_shaves_say_what_to_write(bad):
    with pytest.raises(UsageError, match=r"4,6,8, 1\.\.16 or all"):
        parse_shaves(bad)


@pytest.mark.parametrize("bad", [0, 17, -1])
def test_the_chip_has_sixteen_shaves(bad):
    with pytest.raises(UsageError, match="1 to 16"):
        ConvertOptions(shaves=(bad,))


@pytest.mark.parametrize(
    ("name", "mean", "scale"),
    [("0..1", (0.0,), (255.0,)), ("-1..1", (127.5,), (127.5,)), ("-0.5..0.5", (127.5,), (255.0,))],
)
def test_ranges_are_the_usual_three(name, mean, scale):
    made = InputOptions.of(range=name)
    assert (made.mean, made.scale) == (mean, scale)
    low, high = ((b - mean[0]) / scale[0] for b in (0, 255))
    assert f"{low:g}..{high:g}" == name


def test_imagenet_is_known_by_name():
    assert channel_values("imagenet", "mean") == (123.675, 116.28, 103.53)
    assert channel_values("imagenet", "scale") == (58.395, 57.12, 57.375)


@pytest.mark.parametrize("text", ["127.5", "[127.5]", 127.5, [127.5]])
def test_a_mean_is_a_number_or_a_list(text):
    assert channel_values(text, "mean") == (127.5,)


@pytest.mark.parametrize(
    "arguments",
    [
        {"range": "0..1", "mean": 1},
        {"range": "0..2"},
        {"scale": 0},
        {"scale": [1, 0, 1]},
        {"mean": "abc"},
        {"mean": float("nan")},
        {"layout": "NHWX"},
        {"layout": "NHWC->NCH"},
        {"color": "RGB->CMYK"},
        {"color": "RGB->GRAY"},
        {"color": "RGB->BGR", "reverse_channels": True},
        {"shape": (1, 0, 3, 3)},
        {"shape": (1, 3, 1 << 40)},
        {"precision": "U4"},
    ],
)
def test_what_makes_no_sense_is_refused_where_it_is_said(arguments):
    with pytest.raises(UsageError):
        InputOptions.of("x", **arguments)


def test_an_input_takes_its_own_options_then_its_position_then_the_general():
    options = ConvertOptions(
        inputs=(
            InputOptions.of(mean=1),
            InputOptions.of("b", mean=2),
            InputOptions.of("#2", mean=3),
        )
    )
    found = [options.for_input(name, i).mean for i, name in enumerate("abc")]
    assert found == [(1.0,), (2.0,), (3.0,)]


def test_names_given_twice_are_refused():
    with pytest.raises(UsageError, match="twice"):
        ConvertOptions(inputs=(InputOptions.of("a"), InputOptions.of("a")))


def test_precisions_go_by_the_names_people_use():
    assert Precision.parse("s32") is Precision.I32
    assert Precision.parse(" fp16 ") is Precision.FP16
