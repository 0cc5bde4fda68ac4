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
            r" has type (?P<found>\w+), but one of \[(?P<wanted>[^\]]*)\] is expected",
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
            r"(?P<layer>\S+)?.*expected to have constant kernel",
            "a convolution takes its weights from another layer; the engine wants constants",
            "fold the weights into constants when exporting the model",
        ),
        (
            r"Pad with not constant pad_value|Unsupported pad value",
            "a Pad fills with a value that is infinite or computed at run time",
            "pad with a finite constant (at most 65504)",
        ),
        (
            r"(?P<what>.{0,60})has zero dimension which is not allowed",
            "the network has a tensor without elements",
            "remove the branch that makes it (an empty Slice or Split, mostly)",
        ),
        (
            r"(?P<type>\b[A-Z]+\d*) isn't supported",
            "{type} is not an element type of network inputs and outputs here",
            "inputs take U8, FP16, FP32 (I32 for integers); outputs FP16, FP32 (I32 for integers)",
        ),
        (
            r"[Uu]nsupported layout (?P<layout>\w+)",
            "the layout {layout} does not fit this input or output",
            "leave the layout out, or use NCHW or NHWC for four dimensions",
        ),
        (
            r"[Ii]ncorrect weights in bin file|[Bb]in file|exceeds (?:the )?size|out of bounds|"
            r"[Ww]eights",
            "the IR's weights do not fit its description",
            "the .bin is damaged or belongs to another .xml: write both again",
        ),
        (
            r"Unknown model format|Unable to read the model|[Ee]rror (?:parsing|loading) .*xml|"
            r"Error reading network|is not a valid|Invalid ir|IR_V|ir version|unsupported version",
            "the engine cannot read this IR",
            "it takes IR version 10 with operations of opset 1 to 7; write the .xml again",
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
# Whatever names a layer, for texts that no row knows.
_LAYER = re.compile(r'(?:layer|Stage node|node|Node)[ :]+"?(?P<layer>[^\s"]+)')
# Source positions that the engine puts before its texts ("/some/path/file.cpp:123 ").
_POSITION = re.compile(r"^\s*(?:\[[A-Z_]+\]\s*)?(?:/[^\s:]+:\d+\s*)?")


def refusal(step: str, throws: Sequence[Sequence[str]]) -> CompileError:
    """The error for a call that the engine refused; ``throws`` is what it threw, oldest first."""
    raw = next((text for _, text in reversed(throws) if text.strip()), "")
    if any("bad_alloc" in kind or "bad_alloc" in text for kind, text in throws):
        return crash("memory", raw)
    text = _POSITION.sub("", raw).strip()
    if not text:
        return CompileError(
            f"the engine gave up while {_STEPS.get(step, step)} and did not say why",
            remedy="run 'oakwright check' on the model; if it finds nothing, report this model",
            layer=None,
            engine_message="",
        )
    for pattern, message, remedy in _TABLE:
        match = pattern.search(text)
        if match:
            groups = {name: value or "?" for name, value in match.groupdict().items()}
            return CompileError(
                message.format_map(groups),
                remedy=remedy,
                layer=match.groupdict().get("layer"),
                engine_message=text,
            )
    named = _LAYER.search(text)
    first = text.splitlines()[0]
    return CompileError(
        f"the engine refuses the network while {_STEPS.get(step, step)}: {first[:300]}",
        remedy="run 'oakwright check' on the model",
        layer=named["layer"].rstrip(",.;:") if named else None,
        engine_message=text,
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
        remedy=remedies.get(
            reason, "run 'oakwright check' on the model; if it finds nothing, report this model"
        ),
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
