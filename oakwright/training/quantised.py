"""A network whose numbers are rounded as int8 would round them: made and rebuilt by NNCF.

A checkpoint of one has, beside the weights, NNCF's description of where it rounds (JSON text).
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from typing import Any

from oakwright.errors import CheckpointError, UsageError

# Pictures that ranges are measured on.
CALIBRATION = 150
_LONGEST = 1 << 24


def quantise(network: Any, pictures: Iterable[Any], count: int) -> Any:
    """Post-training quantisation: ranges from ``count`` normalised pictures [1, 3, h, w].

    The network given is left as it is. Raises UsageError where NNCF is missing.
    """
    import copy

    nncf = _nncf()
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # MIXED: ranges of activations may have a zero point, where PERFORMANCE makes them as long
        # below zero as above. MINMAX: none is cut. Each halves what is lost (bench/int8_scores.py).
        made = nncf.quantize(
            copy.deepcopy(network), nncf.Dataset(pictures), subset_size=count,
            preset=nncf.QuantizationPreset.MIXED,
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )  # fmt: skip
    _untie(made)
    return made


def _untie(network: Any) -> None:
    """Widen the ranges of weights by less than a tenth of a level.

    In the first layer NNCF leaves room against overflow: the largest weight of each channel then
    lies in the very middle between two levels, which PyTorch and OpenVINO round to different sides.
    """
    import torch

    with torch.no_grad():
        for module in network.modules():
            if type(module).__name__ == "SymmetricQuantizer":
                module.scale.mul_(1 + 2**-11)


def description_of(network: Any) -> str:
    """Where it rounds, as JSON text."""
    _nncf()
    from nncf.torch import get_config

    return json.dumps(get_config(network))


def rebuilt(network: Any, description: str) -> Any:
    """``network`` (plain) with the rounding that ``description`` says; weights come afterwards.

    NNCF makes modules of its own kinds only. Raises CheckpointError for descriptions that are
    none, UsageError where NNCF is missing.
    """
    _nncf()
    from nncf.torch import load_from_config

    try:
        if len(description) > _LONGEST:
            raise ValueError("it is too long")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_from_config(network, json.loads(description))
    except Exception as error:
        raise CheckpointError(
            f"where the checkpoint's network rounds cannot be read: {error}",
            remedy="compress the detector again",
        ) from error


def _nncf() -> Any:
    # Its rounding is compiled on first use; on a busy machine that takes longer than it allows.
    os.environ.setdefault("NNCF_EXTENSION_LOAD_TIMEOUT", "0")
    # NNCF reports its use otherwise.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        import nncf
    except ImportError as error:
        raise UsageError(
            "compressing needs NNCF, which is not installed",
            remedy="pip install 'oakwright[compress]'",
        ) from error
    nncf.set_log_level(40)
    return nncf
