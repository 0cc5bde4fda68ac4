"""Recurrent layers: loops, single stages, and unrolled where lengths differ."""

import numpy as np
import openvino as ov
import pytest

from oakwright.blob import Blob
from oakwright.ir import legalise, serialise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, compile_with_engine, model_of, parameter

STEPS, INPUTS, HIDDEN = 5, 6, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
DEFAULT = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


def random(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.6, shape).astype(np.float32)


def sequence(
    kind: str,
    way: str = "forward",
    *,
    batch: int = 1,
    steps: int = STEPS,
    lengths: list[int] | None = None,
    **attrs: object,
) -> tuple[ov.Model, list[np.ndarray]]:
    ways = 2 if way == "bidirectional" else 1
    gates = GATES[kind]
    x = parameter([batch, steps, INPUTS])
    states = [parameter([batch, ways, HIDDEN], name=n) for n in ("h", "c")[: 1 + (kind == "LSTM")]]
    biases = gates + (1 if attrs.get("linear_before_reset") else 0)
    weights = [
        random(ways, gates * HIDDEN, INPUTS),
        random(ways, gates * HIDDEN, HIDDEN, seed=2),
        random(ways, biases * HIDDEN, seed=3),
    ]
    ends = np.array(lengths or [steps] * batch, np.int32)
    given = {"hidden_size": HIDDEN, "direction": way, "activations": DEFAULT[kind], **attrs}
    node = op(f"{kind}Sequence", [x, *states, ends, *weights], given, version=5)
    model = model_of(node.outputs(), x, *states)
    inputs = [random(batch, steps, INPUTS, seed=4)]
    inputs += [random(batch, ways, HIDDEN, seed=5 + i) for i in range(len(states))]
    return model, inputs


@pytest.mark.parametrize("way", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", GATES)
def test_sequence(kind: str, way: str) -> None:
    check(*sequence(kind, way), f"sequences.{kind.lower()}_sequence", tolerance=1e-5)


@pytest.mark.parametrize("kind", GATES)
def test_sequences_of_different_length(kind: str) -> None:
    model, inputs = sequence(kind, "bidirectional", batch=3, lengths=[5, 2, 4])
    rule = f"sequences.{kind.lower()}_sequence"
    check(model, inputs, rule, tolerance=1e-5)


def test_a_sequence_shorter_than_its_tensor() -> None:
    model, inputs = sequence("GRU", lengths=[3])
    check(model, inputs, "sequences.gru_sequence", tolerance=1e-5)


def test_reset_after_the_product() -> None:
    model, inputs = sequence("GRU", "bidirectional", linear_before_reset=True)
    check(model, inputs, "sequences.gru_sequence", tolerance=1e-5)


@pytest.mark.parametrize(("kind", "clip"), [("LSTM", 0.3), ("GRU", 0.3), ("RNN", 0.3)])
def test_clipping(kind: str, clip: float) -> None:
    model, inputs = sequence(kind, clip=clip)
    check(model, inputs, f"sequences.{kind.lower()}_sequence", tolerance=1e-5)


def test_other_activations() -> None:
    model, inputs = sequence("LSTM", activations=["sigmoid", "relu", "tanh"])
    check(model, inputs, "sequences.lstm_sequence", tolerance=1e-5)
    model, inputs = sequence("GRU", activations=["tanh", "relu"])
    check(model, inputs, "sequences.gru_sequence", tolerance=1e-5)
    model, inputs = sequence("RNN", activations=["relu"])
    check(model, inputs, "sequences.rnn_sequence", tolerance=1e-5)


@pytest.mark.parametrize("kind", GATES)
def test_long_sequences_are_short_blobs(kind: str) -> None:
    model, inputs = sequence(kind, steps=300)
    legal = check(model, inputs, f"sequences.{kind.lower()}_sequence", tolerance=1e-5)
    blob = Blob.from_bytes(compile_with_engine(legal.model))
    assert len(blob.stages) < 40
    assert len(legal.model.get_ops()) < 40


@pytest.mark.parametrize("wanted", [[0], [0, 1, 2]])
def test_an_lstm_is_one_stage(wanted: list[int]) -> None:
    model, inputs = sequence("LSTM", steps=40)
    outputs = [model.outputs[i].node.input_value(0) for i in wanted]
    legal = check(
        model_of(outputs, *model.get_parameters()),
        inputs,
        "sequences.lstm_sequence",
        tolerance=1e-5,
    )
    blob = Blob.from_bytes(compile_with_engine(legal.model))
    kinds = [stage.type.name for stage in blob.stages]
    assert kinds.count("LSTMCell") == 1
    assert "LoopStart" not in kinds


@pytest.mark.parametrize("wanted", [[0], [1], [2], [0, 1], [0, 2], [1, 2]])
@pytest.mark.parametrize("way", ["forward", "bidirectional"])
def test_some_of_the_outputs(wanted: list[int], way: str) -> None:
    # The engine crashes over results that are there and not read.
    model, inputs = sequence("LSTM", way)
    outputs = [model.outputs[i].node.input_value(0) for i in wanted]
    check(
        model_of(outputs, *model.get_parameters()),
        inputs,
        "sequences.lstm_sequence",
        tolerance=1e-5,
    )


@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_are_not_worth_a_loop(steps: int) -> None:
    legal = check(*sequence("GRU", steps=steps), "sequences.gru_sequence", tolerance=1e-5)
    assert "TensorIterator" not in {node.get_type_name() for node in legal.model.get_ops()}


def test_the_same_model_gives_the_same_bytes() -> None:
    model, _ = sequence("GRU", "bidirectional")
    first, second = (serialise(legalise(model).model) for _ in range(2))
    assert first == second


def cell(kind: str, **attrs: object) -> tuple[ov.Model, list[np.ndarray]]:
    gates = GATES[kind]
    x = parameter([1, INPUTS])
    states = [parameter([1, HIDDEN], name=n) for n in ("h", "c")[: 1 + (kind == "LSTM")]]
    biases = gates + (1 if attrs.get("linear_before_reset") else 0)
    weights = [
        random(gates * HIDDEN, INPUTS),
        random(gates * HIDDEN, HIDDEN, seed=2),
        random(biases * HIDDEN, seed=3),
    ]
    version = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    given = {"hidden_size": HIDDEN, "activations": DEFAULT[kind], **attrs}
    node = op(f"{kind}Cell", [x, *states, *weights], given, version=version)
    inputs = [random(1, INPUTS, seed=4)] + [random(1, HIDDEN, seed=5 + i) for i in range(2)]
    return model_of(node.outputs(), x, *states), inputs[: 1 + len(states)]


def test_cells() -> None:
    check(*cell("GRU"), "sequences.gru_cell", tolerance=1e-5)
    check(*cell("GRU", linear_before_reset=True), "sequences.gru_cell", tolerance=1e-5)
    check(*cell("RNN"), "sequences.rnn_cell", tolerance=1e-5)
    check(*cell("LSTM", clip=0.2), "sequences.lstm_cell", tolerance=1e-5)


def test_a_usual_lstm_cell_is_left_to_the_engine() -> None:
    legal = legalise(cell("LSTM")[0])
    assert not legal.applied
    compile_with_engine(legal.model)


def test_long_sequences_of_different_length_are_refused() -> None:
    finding = legalise(sequence("RNN", steps=257, batch=2, lengths=[257, 5])[0]).findings[0]
    assert finding.severity == "error"
    assert "257 steps" in finding.reason


def test_lengths_at_run_time_are_refused() -> None:
    x, h = parameter([1, STEPS, INPUTS]), parameter([1, 1, HIDDEN], name="h")
    ends = parameter([1], np.int32, "ends")
    weights = [random(1, HIDDEN, INPUTS), random(1, HIDDEN, HIDDEN), random(1, HIDDEN)]
    attrs = {"hidden_size": HIDDEN, "direction": "forward", "activations": ["tanh"]}
    node = op("RNNSequence", [x, h, ends, *weights], attrs, version=5)
    finding = legalise(model_of(node.outputs(), x, h, ends)).findings[0]
    assert "run time" in finding.reason
