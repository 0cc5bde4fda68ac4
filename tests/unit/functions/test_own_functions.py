"""The user's own modules, well made and not: what is exported, what is said."""

import pytest

pytest.importorskip("torch")

import torch
from click.testing import CliRunner

from oakwright import functions
from oakwright.blob import Blob
from oakwright.cli.functions import functions_group
from oakwright.errors import ModelError, OakwrightError, UnreadableModel, UsageError

OWN = '''
import torch
from torch import nn


class Framed(nn.Module):
    example_input = (torch.ones(1, 3, 12, 16),)


class Fails(Framed):
    def forward(self, image):
        raise ValueError("it is Monday")


class Dynamic(Framed):
    def forward(self, image):
        if image.mean() > 128:
            return image * 2
        return image + 1


class GivesNothing(Framed):
    def forward(self, image):
        pass


class GivesANumber(Framed):
    def forward(self, image):
        return 3.0


class GivesAnEmptyTuple(Framed):
    def forward(self, image):
        return ()


class Boxed(Framed):
    """Two results by name."""

    def forward(self, image):
        return {"same": image, "twice": image * 2}


class Unread(nn.Module):
    example_input = (torch.ones(1, 3, 12, 16), torch.ones(1, 3, 12, 16))

    def forward(self, a, b):
        return a * 2


class Gain(Framed):
    def __init__(self, gain):
        super().__init__()
        self.gain = gain

    def forward(self, image):
        return image * self.gain


class Clip(nn.Module):
    example_input = torch.ones(1, 2, 3, 6, 8)

    def forward(self, clip):
        return clip / 2


class Sides(nn.Module):
    def forward(self, left, right):
        return torch.cat((left, right), 3)


class Beside(nn.Module):
    """The same tensor for both, as people write it."""

    def __init__(self):
        super().__init__()
        frame = torch.ones(1, 3, 12, 16)
        self.example_input = (frame, frame)

    def forward(self, left, right):
        return torch.cat((left, right), 3)


class Misnamed(nn.Module):
    example_input = {"picture": torch.ones(1, 3, 12, 16)}

    def forward(self, image):
        return image * 2


class Plain:
    pass


made, number = Gain(3.0), 3
'''


@pytest.fixture
def own(tmp_path, monkeypatch, own_cache):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(name, options=None, **settings):
    return functions.export(f"own.py:{name}", "out.blob", options, **settings)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("own.py:Fails", ModelError, "it is Monday"),
        ("own.py:GivesNothing", ModelError, "gives NoneType where a tensor is wanted"),
        ("own.py:GivesANumber", ModelError, "gives float where a tensor is wanted"),
        ("own.py:Gain", UsageError, "needs the option 'gain'"),
        ("own.py:Sides", UsageError, "does not say what shapes"),
        ("own.py:Misnamed", UsageError, "no argument 'picture'"),
        ("own.py:Plain", UsageError, "is the class Plain, which is no torch.nn.Module"),
        ("own.py:number", UsageError, "is int, which is no torch.nn.Module"),
        ("own.py:Nobody", UsageError, "has no 'Nobody'"),
        ("own.py:", UsageError, "names no class"),
        (":Gain", UsageError, "names no class"),
        ("nowhere.py:X", UnreadableModel, "there is no file nowhere.py"),
        ("broken.py:X", UnreadableModel, "SyntaxError"),
        ("bytes.py:X", UnreadableModel, "importing bytes.py failed"),
        ("leaves.py:X", UnreadableModel, "SystemExit: 3"),
        ("words.txt:X", UnreadableModel, "is no Python file"),
    ],
)
def test_what_is_wrong_with_a_module_is_said_and_nothing_is_written(own, name, kind, words):
    (own / "broken.py").write_text("this is not <python>")
    (own / "bytes.py").write_bytes(bytes(range(256)))
    (own / "leaves.py").write_text("import sys; sys.exit(3)")
    (own / "words.txt").write_text("words")
    with pytest.raises(OakwrightError, match=words) as told:
        functions.export(name, "out.blob")
    assert isinstance(told.value, kind)
    assert not (own / "out.blob").exists()


@pytest.mark.parametrize(
    ("name", "shapes", "words"),
    [
        ("Sides", {"": (1, 3, 8, 8)}, "there is no shape for right"),
        ("Sides", {"left": (1, 3, 8, 8), "up": (1, 3, 8, 8)}, "no argument 'up'"),
        ("Clip", {"clip": (1, 3, 99999, 99999)}, "more than a camera's memory"),
    ],
)
def test_shapes_that_do_not_fit_are_named(own, name, shapes, words):
    with pytest.raises(UsageError, match=words):
        export(name, shapes=shapes)


def test_what_tracing_froze_and_what_is_not_read_is_said(own):
    assert any("decides by a tensor's value" in fact for fact in export("Dynamic").facts)
    onnx = pytest.importorskip("onnx")
    told = functions.export("own.py:Dynamic", "out.onnx").facts
    assert any("decides by a tensor's value" in fact for fact in told)
    assert onnx.load("out.onnx").graph.input[0].name == "image"
    assert any("'b' is read by no layer" in fact for fact in export("Unread").facts)


@pytest.mark.parametrize(
    ("name", "options", "inputs", "outputs"),
    [
        ("Boxed", None, {"image": [1, 3, 12, 16]}, {"same", "twice"}),
        ("made", None, {"image": [1, 3, 12, 16]}, {"output"}),
        ("Gain", {"gain": "2"}, {"image": [1, 3, 12, 16]}, {"output"}),
        ("Clip", None, {"clip": [1, 2, 3, 6, 8]}, {"output"}),
        ("Beside", None, {"left": [1, 3, 12, 16], "right": [1, 3, 12, 16]}, {"output"}),
    ],
)
def test_a_module_of_ones_own_becomes_a_blob(own, name, options, inputs, outputs):
    made = export(name, options)
    blob = Blob.open(made.files[0])
    assert {entry.name: list(entry.spec.shape) for entry in blob.inputs} == inputs
    assert {entry.name for entry in blob.outputs} == outputs
    assert any(fact.startswith("input  ") for fact in made.facts)


def test_a_factor_beyond_fp16_is_not_called_safe(own):
    with pytest.raises(ModelError, match="has results beyond it"):
        export("Gain", {"gain": "1000"})


def test_one_tensor_for_two_inputs_stays_two_inputs_in_onnx(own):
    pytest.importorskip("onnx")
    import onnx

    module = functions.make("own.py:Beside")
    graph = onnx.load_model_from_string(functions.to_onnx(module).data).graph
    assert [entry.name for entry in graph.input] == ["left", "right"]
    assert list(graph.node[0].input) == ["left", "right"]


@pytest.mark.parametrize("opset", [3, 99])
def test_an_opset_pytorch_does_not_write_is_refused_before(opset):
    pytest.importorskip("onnx")
    with pytest.raises(UsageError, match=f"does not write opset {opset}"):
        functions.to_onnx(torch.nn.ReLU(), torch.ones(1, 3), opset=opset)


@pytest.mark.parametrize(
    ("name", "words", "not_words"),
    [
        ("Gain", ["forward(image)", "no docstring", "gain=..., needed"], ["Base class"]),
        ("Boxed", ["Two results by name.", "none"], ["Base class"]),
        ("made", ["forward(image)", "none"], ["gain="]),
    ],
)
def test_show_says_what_is_the_modules_own(own, name, words, not_words):
    done = CliRunner().invoke(functions_group, ["show", f"own.py:{name}"])
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in words), done.output
    assert not any(word in done.output for word in not_words), done.output
