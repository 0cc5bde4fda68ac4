"""Every vision function: what it should be, and the same as PyTorch, IR and blob."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from bench.functions import compiled, from_video, gap, measure, options_for, takes_pictures
from oakwright import functions
from oakwright.errors import ModelError, UsageError
from tests.unit.functions.oracles import BINARY, ORACLES, ROUGH, WITHIN, grey, hwc

SIDES = {"height": 48, "width": 64}
# A film has windows that are nearly flat and near white: FP16 hardly knows their deviation.
FILMED = {"match": 0.1}
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_pytorch_ir_and_blob_agree(name):
    seen = measure(name, **options_for(name, SIDES))
    assert max(np.abs(a).max() for a in seen.torch) > 0.001, "the sample shows nothing"
    if name in BINARY:
        assert seen.share("blob") <= BINARY[name]
        assert set(np.unique(seen.blob[0])) == {0, 255}
    else:
        assert seen.apart("ir") <= ROUGH.get(name, 2e-3)
        assert seen.apart("blob") <= ROUGH.get(name, 2e-3)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_they_agree_on_a_videos_frames_too(name, shared_data):
    options = options_for(name, {"height": 96, "width": 128})
    if not takes_pictures(functions.make(name, **options)):
        pytest.skip(f"{name} takes no pictures")
    seen = measure(name, from_video(shared_data / "media" / "masks.mp4"), **options)
    if name in BINARY:
        assert seen.share("blob") <= BINARY[name]
    else:
        rough = FILMED.get(name, ROUGH.get(name, 2e-3))
        assert seen.apart("ir") <= rough
        assert seen.apart("blob") <= rough
        assert seen.share("blob") <= (0.02 if name in FILMED else 0)


@pytest.mark.parametrize("name", ORACLES)
def test_pytorch_computes_what_opencv_or_numpy_does(name):
    module = functions.make(name, **options_for(name, SIDES))
    samples = module.samples()
    with torch.no_grad():
        got = module(*[torch.from_numpy(a.copy()) for a in samples.values()])
    got = [r.numpy() for r in (got if isinstance(got, tuple) else [got])]
    wanted = ORACLES[name](samples, module)
    assert [a.shape for a in got] == [a.shape for a in wanted]
    for a, b in zip(wanted, got, strict=True):
        if name == "match":  # where a window is flatter than the module lets count
            a, b = a * (np.abs(b) > 0.2), b * (np.abs(b) > 0.2)
        if name == "warp":  # borders: OpenCV's rounding decides what is outside
            a, b = a[..., 8:-8, 8:-8], b[..., 8:-8, 8:-8]
            inside = np.abs(a - b)[a > 0]
            assert inside.mean() < 1.5
        assert gap(a, b) <= WITHIN.get(name, 5e-5)


def test_every_function_but_canny_has_an_oracle():
    assert set(functions.FUNCTIONS) - set(ORACLES) == {"canny"}


def test_cannys_edges_are_where_opencvs_are():
    module = functions.make("canny", height=120, width=160, low=6, high=14)
    frame = module.samples()["input"]
    with torch.no_grad():
        ours = module(torch.from_numpy(frame))[0, 0].numpy() > 0
    smooth = cv2.GaussianBlur(grey(hwc(frame)), (5, 5), 1.4)
    theirs = cv2.Canny(np.round(smooth).astype(np.uint8), 48, 112, L2gradient=True) > 0
    near = np.ones((3, 3), np.uint8)
    assert theirs.sum() > 200
    assert (ours & (cv2.dilate(theirs.astype(np.uint8), near) > 0)).sum() > 0.95 * ours.sum()
    assert (theirs & (cv2.dilate(ours.astype(np.uint8), near) > 0)).sum() > 0.95 * theirs.sum()


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_no_function_of_bytes_leaves_fp16(name):
    module = functions.make(name, **options_for(name, SIDES))
    assert not functions.overflows(module, largest=module.largest)


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_the_docs_of_a_function_say_shapes_and_source(name):
    text = functions.describe(name)
    assert "Source:" in text
    for needed in (
        "input" if "input" in functions.make(name).example_input else "",
        "utput",
        "Opt",
    ):
        assert needed in text


class Naive(torch.nn.Module):
    """Cosine distance as people write it first."""

    def __init__(self):
        super().__init__()
        self.example_input = {"a": torch.ones(1, 256), "b": torch.ones(1, 256)}

    def forward(self, a, b):
        sizes = torch.sqrt((a * a).sum(1)) * torch.sqrt((b * b).sum(1))
        return 1 - (a * b).sum(1) / sizes


class Energy(Naive):
    """Not scalable to within FP16: the result itself is beyond."""

    def forward(self, a, b):
        return (a * b).sum(1)


class Shifted(Naive):
    """Of no degree: a constant among the products."""

    def forward(self, a, b):
        return torch.sqrt((a * b).sum(1) + 1000)


def test_a_naive_cosine_distance_of_bytes_is_found_and_rewritten():
    from oakwright.conversion import convert
    from oakwright.machine import run

    assert functions.overflows(Naive())
    assert functions.degree_of(Naive()) == 0
    safe, fact = functions.made_safe(Naive())
    assert "rewritten as f(x/16)" in fact or "rewritten as f(x/256)" in fact
    assert not functions.overflows(safe)
    rng = np.random.default_rng(3)
    samples = {k: rng.integers(0, 256, (1, 256)).astype(np.uint8) for k in "ab"}
    a, b = (samples[k][0].astype(np.float64) for k in "ab")
    wanted = 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    results = {}
    for kind, module in (("naive", Naive()), ("safe", safe)):
        blob = convert(module, input_precision="U8").blob
        assert [i.name for i in blob.inputs] == ["a", "b"]
        with np.errstate(all="ignore"):
            results[kind] = float(next(iter(run(blob, samples).values())).ravel()[0])
    assert results["safe"] == pytest.approx(wanted, abs=2e-3)
    assert not abs(results["naive"] - wanted) < 0.1, "the naive one was to overflow"


@pytest.mark.parametrize(("module", "reason"), [(Energy, "results beyond"), (Shifted, "is not f")])
def test_what_no_scaling_helps_is_refused_with_the_layer(module, reason):
    with pytest.raises(ModelError, match=reason) as raised:
        functions.made_safe(module())
    assert raised.value.findings


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("blurr", {}, "no function 'blurr'"),
        ("blur", {"sizes": "3"}, "no option 'sizes'"),
        ("blur", {"size": "three"}, "not understood"),
        ("blur", {"size": "4"}, "a pixel in its middle"),
        ("divide", {"by": "0"}, "by is 0"),
        ("warp", {"map": "nowhere.npy"}, "there is no file nowhere.npy"),
        ("crop-resize", {"left": "0.9"}, "no rectangle"),
        ("top-k", {"softmax": "perhaps"}, "not understood"),
        ("divide", {"by": "nan"}, "by=nan is not understood"),
        ("threshold", {"level": "inf"}, "level=inf is not understood"),
        ("blur", {"width": "0"}, "would have the shape 1x3x300x0"),
        ("blur", {"height": "-3"}, "would have the shape 1x3x-3x300"),
        ("blur", {"size": "99", "width": "20"}, "a window of 99 pixels does not fit"),
        ("unsharp", {"size": "99", "height": "20"}, "a window of 99 pixels does not fit"),
        ("erode", {"size": "41", "height": "20"}, "a window of 41 pixels does not fit"),
        ("sobel", {"height": "1"}, "a window of 3 pixels does not fit"),
        ("edge", {"size": "1"}, "one pixel has no neighbours"),
        ("canny", {"reach": "-1"}, "reach is -1"),
        ("crop-resize", {"out_width": "0"}, "the result would be 100x0"),
    ],
)
def test_wrong_names_and_options_are_told(name, options, words):
    with pytest.raises(UsageError, match=words):
        functions.make(name, **options)


def test_options_are_read_as_their_defaults_types():
    module = functions.make("blur", size="5", sigma="1", width="64")
    assert module.kernel.shape == (3, 1, 5, 5)
    assert module.example_input["input"].shape == (1, 3, 300, 64)
    assert functions.make("top-k", softmax="no").softmax is False


def test_a_map_from_a_file_is_what_remap_does(tmp_path):
    y, x = np.mgrid[0:40, 0:56].astype(np.float32)
    np.save(tmp_path / "map.npy", np.stack([x + 3, y * 0.5 + 2]))
    module = functions.make("warp", map=str(tmp_path / "map.npy"), **SIDES)
    frame = module.samples()["input"]
    with torch.no_grad():
        got = module(torch.from_numpy(frame)).numpy()
    wanted = cv2.remap(hwc(frame), x + 3, y * 0.5 + 2, cv2.INTER_LINEAR).transpose(2, 0, 1)[None]
    assert gap(wanted, got) < 1e-5


def test_small_distances_are_not_rounded_away():
    module = functions.make("cosine", length=64)
    a = torch.linspace(1, 200, 64)[None]
    with torch.no_grad():
        assert module(a, a).item() == 0
        assert module(a, 7 * a).item() < 1e-6
        assert module(a, torch.zeros_like(a)).item() == pytest.approx(0.5)


def test_onnx_has_the_opset_that_was_asked_for_and_shrinks():
    onnx = pytest.importorskip("onnx")
    made = functions.to_onnx(functions.make("blur", **SIDES), opset=12)
    assert made.opset == functions.opset_of(onnx.load_model_from_string(made.data)) == 12
    assert made.layers <= made.layers_before
    if made.simplified_by:
        assert made.layers < made.layers_before


def test_another_opset_in_the_written_file_is_told(monkeypatch):
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr(functions.onnx_export, "opset_of", lambda model: 18)
    assert onnx
    with pytest.raises(ModelError, match="wrote opset 18 where 12"):
        functions.to_onnx(functions.make("divide", **SIDES), opset=12)


def test_the_list_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from oakwright.cli.main import run\n"
        "assert run(['functions', 'list']) == 0\n"
        "assert run(['functions', 'show', 'blur']) == 2\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "blur" in done.stdout
    assert "oakwright[torch]" in done.stderr


def test_files_that_are_loaded_with_the_package_import_no_torch_at_the_top():
    named = {f"{row.file}.py" for row in functions.FUNCTIONS.values()} | {"vision.py", "scaled.py"}
    for path in (ROOT / "oakwright" / "functions").glob("*.py"):
        top = ast.parse(path.read_text()).body
        names = {
            getattr(n, "module", None) or n.names[0].name
            for n in top
            if isinstance(n, ast.Import | ast.ImportFrom)
        }
        assert path.name in named or "torch" not in names, path.name


def rows_of_the_page():
    text = (ROOT / "docs" / "reference" / "functions.md").read_text()
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if "| " in line[:2]]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows[1:]}


def test_the_reference_page_has_every_function():
    assert list(rows_of_the_page()) == list(functions.FUNCTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_the_reference_page_has_todays_stages_and_bytes(name):
    row = rows_of_the_page()[name]
    assert tuple(map(int, row[6:8])) == compiled(name), "run: python bench/functions.py"


def test_a_window_may_be_as_wide_as_its_border_can_be_reflected():
    module = functions.make("box-blur", size=39, height=20, width=20)
    frame = module.samples()["input"]
    with torch.no_grad():
        got = module(torch.from_numpy(frame)).numpy()
    wanted = cv2.blur(hwc(frame), (39, 39), borderType=cv2.BORDER_REFLECT_101)
    assert gap(wanted.transpose(2, 0, 1)[None], got) < 1e-5


def test_each_middle_of_the_pinhole_counts_by_itself():
    module = functions.make("points", cy=10.0, fx=100.0, height=40, width=60)
    with torch.no_grad():
        got = module(torch.from_numpy(module.samples()["depth"].copy())).numpy()[0]
    assert np.allclose(got[1, 10], 0)
    assert np.all(got[1, 30][got[2, 30] > 0] > 0)
    assert np.all(got[0, 30, :30][got[2, 30, :30] > 0] < 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no .npy of numbers"),
        (b"not an array at all", "is no .npy of numbers"),
        (np.array([[{}]], dtype=object), "is no .npy of numbers"),
        (np.array([["a", "b"]]), "holds <U1"),
        (np.ones((3, 3, 3)), r"holds float64 \[3, 3, 3\]"),
        (np.array([[1.0, np.nan]]), "what is no number"),
        (np.ones((0, 3)), "is no .npy of numbers|holds nothing"),
    ],
)
def test_an_array_of_the_users_is_refused_for_what_it_is(tmp_path, data, words):
    path = tmp_path / "own.npy"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        np.save(path, data, allow_pickle=True)
    with pytest.raises(UsageError, match=words):
        functions.make("match", template=str(path))


def test_a_header_that_claims_more_than_the_file_has_costs_nothing(tmp_path):
    np.save(tmp_path / "own.npy", np.ones((4, 4), np.float32))
    data = (tmp_path / "own.npy").read_bytes()
    claimed = data.replace(b"(4, 4), }" + b" " * 12, b"(4000000, 4000000), }")
    assert len(claimed) == len(data)
    assert claimed != data
    (tmp_path / "own.npy").write_bytes(claimed)
    with pytest.raises(UsageError, match=r"is no \.npy of numbers"):
        functions.make("match", template=str(tmp_path / "own.npy"))
