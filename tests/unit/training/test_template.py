import subprocess
import sys

import pytest
import torch
import yaml

from oakwright.errors import TemplateError
from oakwright.training import names, read_template
from oakwright.training.ssd import Ssd
from oakwright.training.template import Template

TWO = "mobilenet_v2-2s_ssd-256x256"


def test_there_are_the_three_of_the_tutorial_and_a_small_one():
    assert names() == [
        "mobilenet_v2-1s_ssd-192x192",
        "mobilenet_v2-2s_ssd-256x256",
        "mobilenet_v2-2s_ssd-384x384",
        "mobilenet_v2-2s_ssd-512x512",
    ]


@pytest.mark.parametrize("size", [256, 384, 512])
def test_parameters_are_as_many_as_published(size):
    """1.99 million at 80 classes; OTE's two more are the weights of its two losses."""
    model = read_template(f"mobilenet_v2-2s_ssd-{size}x{size}").model
    with torch.device("meta"):
        network = Ssd(model, 80)
    assert sum(p.numel() for p in network.parameters()) == 1_991_103 - 2


@pytest.mark.parametrize("name", names())
def test_anchors_are_as_many_as_the_network_has_outputs(name):
    from oakwright.training.anchors import priors

    model = read_template(name).model
    with torch.device("meta"):
        offsets, logits = Ssd(model, 3)(torch.zeros(1, 3, model.height, model.width))
    assert offsets.shape == (1, len(priors(model)), 4)
    assert logits.shape == (1, len(priors(model)), 4)
    if name == TWO:
        assert len(priors(model)) == 1344


def test_a_template_is_written_and_read_again(tmp_path):
    template = read_template(TWO)
    (tmp_path / "template.yaml").write_text(template.to_yaml())
    assert read_template(tmp_path) == template


CHANGES = {
    "model.input_size": ([250, 256], "multiples of 32"),
    "model.color": ("HSV", "RGB or BGR"),
    "model.mean": ([1, 2], "3 numbers"),
    "model.scale": ([1, 0, 1], "above 0"),
    "model.scales": ([], "a list of 1 to 2"),
    "model.detection": (None, "table"),
    "hyper_parameters.basic.epochs": (0.5, "from 1"),
    "hyper_parameters.basic.base_learning_rate": (float("nan"), "a number"),
    "hyper_parameters.extra.precision": ("float8", "float32"),
    "name": (3, "a text"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_what_is_wrong_is_named_by_file_key_and_value(key, tmp_path):
    data = yaml.safe_load(read_template(TWO).to_yaml())
    value, hint = CHANGES[key]
    table = data
    for part in key.split(".")[:-1]:
        table = table[part]
    table[key.split(".")[-1]] = value
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(TemplateError) as caught:
        read_template(path)
    assert str(path) in caught.value.message
    assert key in caught.value.message
    assert hint in str(caught.value)
    assert caught.value.key == key


@pytest.mark.parametrize("text", ["", "[", "a: !!python/object/apply:os.system [ls]", "- 1", "\0"])
def test_what_is_no_template_is_refused(text, tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError, match="template"):
        read_template(path)


def test_a_wrong_name_gets_a_hint():
    with pytest.raises(TemplateError, match="did you mean mobilenet_v2-2s_ssd-256x256"):
        read_template("mobilenet_v2-2s_ssd-256")


def test_of_needs_a_table():
    with pytest.raises(TemplateError, match="not a table"):
        Template.of([1])


def test_a_package_that_is_missing_is_named():
    """In a process of its own, where torch cannot be imported."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from oakwright.errors import UsageError\n"
        "from oakwright import training\n"
        "training.read_template('mobilenet_v2-1s_ssd-192x192')\n"
        "try:\n    training.train\n"
        "except UsageError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("training needs torch, which is not installed"), done.stderr
    assert "oakwright[train]" in done.stdout
