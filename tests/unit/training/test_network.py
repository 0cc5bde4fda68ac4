"""The network, its loss and its numbers against plain torch and numpy."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from oakwright.errors import TemplateError
from oakwright.training import Template, read_template
from oakwright.training.assign import IGNORED
from oakwright.training.augment import augment, fit
from oakwright.training.backbone import StridedFilter, Trunk, divisible
from oakwright.training.loss import LEAST_NEGATIVES, ssd_loss
from oakwright.training.precision import Frozen, freeze
from oakwright.training.pretrained import weights_for
from oakwright.training.schedule import RunningMean, Schedule
from oakwright.training.ssd import Ssd

TEMPLATE = read_template("mobilenet_v2-2s_ssd-256x256")


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_a_strided_filter_is_torchs_own_convolution(size):
    torch.manual_seed(0)
    ours = StridedFilter(6, 6, 3, 2, 1, groups=6, bias=False).train()
    theirs = nn.Conv2d(6, 6, 3, 2, 1, groups=6, bias=False)
    theirs.load_state_dict(ours.state_dict())
    a, b = (torch.randn(2, 6, *size, requires_grad=True) for _ in range(2))
    with torch.no_grad():
        b.copy_(a)
    left, right = ours(a), theirs(b)
    torch.testing.assert_close(left, right)
    grad = torch.randn_like(left)
    left.backward(grad)
    right.backward(grad)
    torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.eval()(a), right)


def test_the_trunk_has_the_strides_and_channels_of_the_paper():
    with torch.device("meta"):
        maps = Trunk((4, 5))(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(1, 96, 4, 6), (1, 320, 2, 3)]


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_frozen_blocks_compute_what_the_network_does(blocks):
    torch.manual_seed(0)
    network = Ssd(TEMPLATE.model, 2)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
    freeze(network, blocks, norms=True)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole = network(x)
        parts = network(Frozen(network, blocks, "float32")(x), blocks)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert not any(
        name.startswith(f"trunk.features.{i}.") for name in trained for i in range(blocks)
    )
    assert f"trunk.features.{blocks}.{'0.weight' if blocks == 0 else 'conv.0.weight'}" in trained


def plain_loss(offsets, logits, wanted, classes, negatives):
    """By the paper, one picture after the other, in numpy and float64."""
    boxes = sum_of_classes = 0.0
    for o, raw, w, c in zip(offsets, logits, wanted, classes, strict=True):
        raw = raw - raw.max(1, keepdims=True)
        logs = raw - np.log(np.exp(raw).sum(1, keepdims=True))
        is_box, background = c > 0, np.flatnonzero(c == 0)
        sum_of_classes -= logs[np.flatnonzero(is_box), c[is_box]].sum()
        worst = np.sort(-logs[background, 0])[::-1]
        sum_of_classes += worst[: max(int(is_box.sum() * negatives), LEAST_NEGATIVES)].sum()
        away = abs(o[is_box] - w[is_box])
        boxes += np.where(away < 1, away**2 / 2, away - 0.5).sum()
    return boxes, sum_of_classes


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_the_loss_is_that_of_the_paper(share):
    rng = np.random.default_rng(4)
    offsets, wanted = rng.normal(0, 2, (2, 3, 200, 4))
    logits = rng.normal(0, 3, (3, 200, 5))
    classes = np.where(rng.random((3, 200)) < share, rng.integers(1, 5, (3, 200)), 0)
    classes[0, :20] = IGNORED
    classes[1] = 0
    positives = max((classes > 0).sum(), 1)
    found = ssd_loss(
        *(torch.tensor(x) for x in (offsets, logits, wanted, classes)), 3, float(positives)
    )
    expected = plain_loss(offsets, logits, wanted, classes, 3)
    np.testing.assert_allclose([float(x) * positives for x in found], expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_boxes_stay_on_what_they_mark(seed):
    """A white rectangle on black: after crop and flip the box is where the white is."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((120, 160, 3), np.uint8)
    x, y = rng.integers(0, 100), rng.integers(0, 70)
    width, height = rng.integers(30, 60), rng.integers(30, 50)
    picture[y : y + height, x : x + width] = 255
    box = np.array([[x / 160, y / 120, (x + width) / 160, (y + height) / 120]], np.float32)
    recipe = read_recipe_with(flips=("horizontal", "vertical"), colour=0.0)
    seen, boxes, kept = augment(picture, box, rng, recipe, 128, 96)
    assert seen.shape == (96, 128, 3)
    assert kept.tolist() == [0]
    rows, columns = np.nonzero(seen[..., 0] > 127)
    found = [columns.min() / 128, rows.min() / 96, (columns.max() + 1) / 128, (rows.max() + 1) / 96]
    # The window is cut at whole pixels of a picture of 160x120.
    np.testing.assert_allclose(boxes[0], found, atol=0.025)


def read_recipe_with(**changes):
    from dataclasses import replace

    return replace(TEMPLATE.recipe, **changes)


def test_colours_wander_and_boxes_do_not():
    rng = np.random.default_rng(0)
    recipe = read_recipe_with(crop=1.0, flips=())
    picture = np.full((96, 128, 3), 100, np.uint8)
    box = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    tones = set()
    for _ in range(10):
        seen, boxes, _ = augment(picture, box, rng, recipe, 128, 96)
        np.testing.assert_array_equal(boxes, box)
        assert len(np.unique(seen.reshape(-1, 3), axis=0)) == 1
        tones.add(tuple(seen[0, 0].tolist()))
    assert len(tones) > 5


def test_shrinking_takes_the_mean():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::2] = 200
    assert np.unique(fit(picture, 32, 32)).tolist() == [100]
    assert fit(picture, 64, 64) is picture


def test_the_learning_rate_rises_and_falls():
    schedule = Schedule(rate=1.0, steps=100, warm_up=10)
    rates = [schedule.learning_rate(step, schedule.progress(step, 0.0)) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert int(np.argmax(rates)) == 10
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.01)
    timed = Schedule(rate=1.0, steps=100, warm_up=0, limit_s=10.0)
    assert timed.progress(1, 5.0) == 0.5
    assert timed.progress(99, 5.0) == 0.99
    assert timed.progress(1, 20.0) == 1.0


def test_the_running_mean_is_a_mean_of_the_weights():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    shadow = copy.deepcopy(network)
    mean = RunningMean(network, shadow, decay=0.5)
    expected = {name: t.clone() for name, t in shadow.state_dict().items()}
    for step in range(5):
        with torch.no_grad():
            for tensor in (*network.parameters(), network[1].running_mean):
                tensor.normal_()
        mean.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * tensor
    for name, tensor in shadow.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


def test_a_narrow_trunk_has_the_papers_channels_and_no_imagenet_weights():
    with torch.device("meta"):
        # Keras' MobileNetV2 of alpha 0.5: blocks 13 and 16 end in 48 and 160 channels.
        maps = Trunk((4, 5), 0.5)(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(1, 48, 4, 6), (1, 160, 2, 3)]
    assert [divisible(c * 0.35) for c in (32, 24, 64, 96, 320)] == [16, 8, 24, 32, 112]
    narrow = {**TEMPLATE.data, "model": {**TEMPLATE.data["model"], "width_multiplier": 0.5}}
    template = Template.of(narrow)
    assert Ssd(template.model, 2)(torch.zeros(1, 3, 192, 192))[1].shape[0] == 1
    with pytest.raises(TemplateError, match=r"no ImageNet trunk of 0\.5 of the width"):
        weights_for(template)
