"""From the engine's own words to a sentence with a remedy: the table, and the one who reads it.

Each row: a pattern for the raw text, what to say, what to try. ``{layer}`` and the other names
are the pattern's groups. The raw text is always kept in the error's ``engine_message``.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from typing import Any

from oakwright.errors import CompileError, EngineCrashed, EngineNotFound

_UNKNOWN = "run 'oakwright check' on the model; if it finds nothing, report this model"

# First match wins. Texts seen in engine 2021.4.2.
_TABLE = tuple(
    (re.compile(pattern, re.DOTALL), message, remedy)
    for pattern, message, remedy in (
        (
            r'layer "(?P<layer>[^"]*)".*unsupported layer type "(?P<type>[^"]*)"',
            "layer {layer}: the Myriad X has no operation {type}",
            "cut the network before this layer, or rewrite it with supported operations; "
            "'oakwright check' lists all such layers at once",
        ),
        (
            r"Cannot create (?P<type>\S+) layer (?P<layer>.+?) (?:id:\S+ )?from unsupported opset:"
            r" (?P<opset>\S+)",
            "layer {layer}: {type} of {opset} is newer than the engine (opset 1 to 7)",
            "convert the model with oakwright.convert, which lowers it; if it did, this operation "
            "has no rule yet: report it",
        ),
        (
            r"Stage node (?P<layer>.+?) \((?P<stage>\w+)\) types check error: input #(?P<index>\d+)"
            r" has type (?P<found>\w+), but (?:one of )?\[?(?P<wanted>[^\]\n]*?)\]? is expected",
            "layer {layer}: its input {index} is {found} where the stage {stage} takes {wanted}",
            "integers reach this layer: cast to float before it, or give the network's input as "
            "FP16 or U8 instead of I32",
        ),
        (
            r"Stage node (?P<layer>.+?) \((?P<stage>\w+)\) types check error: output"
            r" #(?P<index>\d+) has type (?P<found>\w+), but (?:one of )?"
            r"\[?(?P<wanted>[^\]\n]*?)\]? is expected",
            "layer {layer}: its output {index} cannot be {found}, only {wanted}",
            "outputs are FP16 or FP32; I32 only where the network computes integers",
        ),
        (
            r"Opset (?P<opset>\w+) doesn't contain the operation with type: (?P<type>\S+)",
            "{type} is not an operation of {opset}",
            "correct the layer's type or version in the .xml",
        ),
        (
            r"dimension \(-?\d+\) in node dim must be a non-negative integer",
            "the network has an input or a layer of unknown size",
            "give every input a fixed shape (--shape), and cut before NonMaxSuppression or NonZero",
        ),
        (
            r"Requested output shape .* is incompatible with",
            "a Reshape in the network does not fit its input",
            "give the shape the model was made for; with a batch, leave "
            "MYRIAD_DETECT_NETWORK_BATCH at NO",
        ),
        (
            r'Cannot allocate "(?P<asked>\d+)" (?P<what>shaves|cmx slices)',
            "the chip does not have the {what} that were asked for",
            "use fewer shaves, and no more than 19 CMX slices",
        ),
        (
            r"Expecting operation v\d+::(?P<type>\w+) (?P<layer>\S+) .* to have constant kernel",
            "layer {layer}: this {type} takes its weights from another layer, not from a constant",
            "fold the weights into constants when exporting the model",
        ),
        (
            r"Pad (?:(?P<layer>\S+) )?with not constant pad_value|Unsupported pad value",
            "a Pad fills with a value that is infinite or computed at run time",
            "pad with a finite constant (at most 65504)",
        ),
        (
            r'Failed to compile layer "(?P<layer>LSTMSequence[^"]*)": AssertionFailed: !expired',
            "layer {layer}: the engine cannot take a whole LSTM sequence",
            "unroll it into LSTM cells, as oakwright.convert does",
        ),
        (
            r"(?P<layer>\S+) has zero dimension which is not allowed",
            "layer {layer} has a tensor without elements",
            "remove the branch that makes it (an empty Slice or Split, mostly)",
        ),
        (
            r"(?P<type>\b[A-Z]+\d*) isn't supported",
            "{type} is not an element type of network inputs and outputs here",
            "inputs take U8, FP16, FP32 (I32 for integers); outputs FP16, FP32 (I32 for integers)",
        ),
        (
            r"[Uu]nsupported layout (?P<layout>\w+)|format\((?P<format>\w+)\) are inconsistent",
            "the layout does not fit this input or output",
            "leave the layout out, or use NCHW or NHWC for four dimensions",
        ),
        (
            r"(?P<key>\w+) key is not supported for VPU",
            "the engine has no setting {key}",
            "leave it out of config=",
        ),
        (
            r'Unsupported value "(?P<value>[^"]*)" for key (?P<key>\w+)',
            "the engine's setting {key} cannot be {value}",
            "most settings are YES or NO",
        ),
        (
            r"Incorrect weights in bin file|Attribute and shape size are inconsistent for Const",
            "the IR's weights do not fit its description",
            "the .bin is damaged or belongs to another .xml: write both again",
        ),
        (
            r"Unknown model format|Error parsing|Invalid IR!|Attempt to access node|at offset \d+$",
            "the engine cannot read this IR",
            "it takes IR version 10 with operations of opset 1 to 7; write the .xml again",
        ),
        (
            r'Failed to compile layer "(?P<layer>[^"]+)": (?P<reason>[^\n]+)',
            "layer {layer}: {reason}",
            _UNKNOWN,
        ),
    )
)
_STEPS = {
    "start": "starting the engine",
    "read": "reading the IR",
    "io": "setting inputs and outputs",
    "compile": "compiling",
    "write": "writing the blob",
}
# Whatever names a layer, for texts whose row does not.
_LAYER = re.compile(
    r'layer "([^"]+)"|Stage node (\S+) \(|^(\S+) of type \w+:'
    r"|friendly_name '([^']+)'"
)
# The engine puts a status and a position in its source before its texts, sometimes in between.
_POSITION = re.compile(r"(?:\[ [A-Z_]+ \]\s*)?(?:/\S+\.[ch]pp:\d+\s*)?")


def refusal(
    step: str, throws: Sequence[Sequence[str]], memory_limit_mb: int | None = None
) -> CompileError:
    """The error for a call that the engine refused; ``throws`` is what it threw, oldest first."""
    raw = next((text for _, text in reversed(throws) if text.strip()), "").strip()
    if any("bad_alloc" in kind or "bad_alloc" in text for kind, text in throws):
        return crash("memory", raw)
    if memory_limit_mb and "Resource temporarily unavailable" in raw:  # no room for a thread
        return crash("memory", raw)
    text = _POSITION.sub("", raw).strip()
    if not text:
        return CompileError(
            f"the engine gave up while {_STEPS.get(step, step)} and did not say why",
            remedy=_UNKNOWN,
            layer=None,
            engine_message="",
        )
    named = _LAYER.search(text)
    layer = next(filter(None, named.groups())) if named else None
    for pattern, message, remedy in _TABLE:
        match = pattern.search(text)
        if match:
            groups = match.groupdict()
            return CompileError(
                message.format_map(groups),
                remedy=remedy,
                layer=groups.get("layer") or layer,
                engine_message=raw,
            )
    return CompileError(
        f"the engine refuses the network while {_STEPS.get(step, step)}: {text[:300]}",
        remedy=_UNKNOWN,
        layer=layer,
        engine_message=raw,
    )


def crash(reason: str, log: str, **facts: Any) -> EngineCrashed:
    """The error for a compile process that did not live to report."""
    remedies = {
        "timeout": "give a longer timeout_s, or fewer layers: long unrolled loops and large "
        "MatMuls compile slowly",
        "memory": "raise memory_limit_mb, or compile on a machine with more memory",
        "full disk": "free some space",
    }
    words = {
        "timeout": "the engine did not finish in time and was stopped",
        "memory": "the engine ran out of memory",
        "full disk": "there is no room for the blob",
    }
    return EngineCrashed(
        words.get(reason, f"the engine's process died: {reason}"),
        remedy=remedies.get(reason, _UNKNOWN),
        reason=reason,
        engine_message=log,
        layer=None,
        **facts,
    )


def not_loaded(text: str, memory_limit_mb: int | None) -> CompileError:
    """The error for libraries that the dynamic linker would not load; ``text`` is its own."""
    if memory_limit_mb and ("allocate" in text or "map segment" in text):
        return crash("memory", text)
    advice = "set OAKWRIGHT_HOME to another folder and run 'oakwright engine install'"
    if "libstdc++" in text:
        advice = "install the system package libstdc++6"
    elif "map segment" in text or "not permitted" in text:
        advice = "the cache lies on a disk mounted noexec: " + advice
    return EngineNotFound(
        f"the engine cannot be loaded: {text}", remedy=advice, looked_in="", engine_message=text
    )


def signal_reason(number: int) -> str:
    """What a process that was ended by a signal died of."""
    if number == signal.SIGKILL:
        # Nobody but the kernel's out-of-memory killer does that unasked.
        return "memory"
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
