"""Small IRs, written by hand: the compiler takes bytes, whoever made them."""

from __future__ import annotations

import struct
from dataclasses import dataclass


def port(number: int, shape: tuple[int, ...], precision: str = "FP16") -> str:
    dims = "".join(f"<dim>{d}</dim>" for d in shape)
    return f'<port id="{number}" precision="{precision}">{dims}</port>'


@dataclass(frozen=True)
class Ir:
    xml: bytes
    weights: bytes


def chain(*types: str, shape: tuple[int, ...] = (1, 3, 8, 8), opset: str = "opset1") -> Ir:
    """Parameter "x", one layer per type named after it in lower case, Result."""
    dims = ",".join(map(str, shape))
    layers = [
        '<layer id="0" name="x" type="Parameter" version="opset1">'
        f'<data shape="{dims}" element_type="f16"/><output>{port(0, shape)}</output></layer>'
    ]
    for index, kind in enumerate(types, 1):
        layers.append(
            f'<layer id="{index}" name="{kind.lower()}" type="{kind}" version="{opset}">'
            f"<input>{port(0, shape)}</input><output>{port(1, shape)}</output></layer>"
        )
    last = len(types) + 1
    layers.append(
        f'<layer id="{last}" name="y/result" type="Result" version="opset1">'
        f"<input>{port(0, shape)}</input></layer>"
    )
    edges = "".join(
        f'<edge from-layer="{i}" from-port="{min(i, 1)}" to-layer="{i + 1}" to-port="0"/>'
        for i in range(last)
    )
    body = f'<net name="net" version="10"><layers>{"".join(layers)}</layers><edges>{edges}</edges>'
    return Ir(f'<?xml version="1.0"?>\n{body}</net>\n'.encode(), b"")


def biased(weights: bytes = struct.pack("<3e", 1, 2, 3), size: int = 6) -> Ir:
    """x + constant; the description says that the constant has ``size`` bytes."""
    shape = (1, 3, 8, 8)
    dims = ",".join(map(str, shape))
    text = (
        '<?xml version="1.0"?>\n<net name="net" version="10"><layers>'
        '<layer id="0" name="x" type="Parameter" version="opset1">'
        f'<data shape="{dims}" element_type="f16"/><output>{port(0, shape)}</output></layer>'
        '<layer id="1" name="c" type="Const" version="opset1">'
        f'<data element_type="f16" offset="0" shape="1,3,1,1" size="{size}"/>'
        f"<output>{port(0, (1, 3, 1, 1))}</output></layer>"
        '<layer id="2" name="sum" type="Add" version="opset1">'
        f"<input>{port(0, shape)}{port(1, (1, 3, 1, 1))}</input>"
        f"<output>{port(2, shape)}</output></layer>"
        '<layer id="3" name="r" type="Result" version="opset1">'
        f"<input>{port(0, shape)}</input></layer></layers><edges>"
        '<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>'
        '<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>'
        '<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>\n'
    )
    return Ir(text.encode(), weights)
