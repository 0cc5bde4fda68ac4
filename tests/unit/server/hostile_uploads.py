"""Fifty uploads by somebody who means harm: what is sent, what the server must answer.

Each row: name, files, form fields, and how it ends: a status with a word of the refusal, or 202
and a word of the reason that the job fails with.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .conftest import tiny

MARKER = Path("/tmp/oakwright-was-owned")


class Evil:
    def __reduce__(self):
        return (Path.touch, (MARKER,))


@dataclass(frozen=True)
class Upload:
    what: str
    files: Callable[[], list[tuple[str, bytes]]]
    word: str
    status: int = 202
    form: dict[str, str] = field(default_factory=dict)


def one(name: str, make: Callable[[], bytes]):
    return lambda: [(name, make())]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def link_in_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("archive/data.pkl")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def tar_with(name: str, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        if link:
            entry.type, entry.linkname = tarfile.SYMTYPE, link
        archive.addfile(entry, io.BytesIO(b""))
    return buffer.getvalue()


def zip_bomb() -> bytes:
    """A thousandfold: 64 MiB of zeros, a legal archive otherwise."""
    return zipped({"archive/data.pkl": b"\0" * (64 << 20)}, zipfile.ZIP_DEFLATED)


def checkpoint() -> bytes:
    return zipped({"archive/data.pkl": pickle.dumps(Evil()), "archive/version": b"3"})


def bomb_xml(head: str = "") -> bytes:
    levels = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 20}">' for i in range(12))
    text = f'<!DOCTYPE net [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">{levels}]>'
    return (
        f'<?xml version="1.0"?>{head or text}<net name="&m;" version="10"><layers/></net>'.encode()
    )


def outside_xml() -> bytes:
    head = '<!DOCTYPE net [<!ENTITY m SYSTEM "file:///etc/passwd">]>'
    return bomb_xml(head)


def deep_xml() -> bytes:
    return b"<net>" + b"<layers>" * 200_000


def ir(shape: str, size: int = 4, kind: str = "Const") -> bytes:
    """An IR whose constant claims what its weights do not have."""
    dims = "".join(f"<dim>{n}</dim>" for n in shape.split(","))
    return f"""<?xml version="1.0"?><net name="n" version="10"><layers>
    <layer id="0" name="c" type="{kind}" version="opset1"><data element_type="f32"
    shape="{shape}" offset="0" size="{size}"/><output><port id="0" precision="FP32">{dims}</port>
    </output></layer><layer id="1" name="r" type="Result" version="opset1"><input><port id="0">
    {dims}</port></input></layer></layers><edges><edge from-layer="0" from-port="0" to-layer="1"
    to-port="0"/></edges></net>""".encode()


def onnx_model(change: Callable) -> bytes:
    import onnx

    model = onnx.load_model_from_string(tiny(2.0))
    change(model)
    return model.SerializeToString()


def pointing(location: str, **more: str) -> bytes:
    """ONNX whose weights lie in another file."""
    import onnx

    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        for key, value in more.items():
            tensor.external_data.add(key=key, value=value)

    return onnx_model(change)


def giant(dims: list[int]) -> bytes:
    def change(model):
        shape = model.graph.input[0].type.tensor_type.shape
        for place, value in zip(shape.dim, dims, strict=True):
            place.dim_value = value

    return onnx_model(change)


def giant_constant() -> bytes:
    """A few bytes that ask for 32 GiB: a constant made by an operator."""
    from onnx import TensorProto, helper

    def change(model):
        shape = helper.make_tensor("huge", TensorProto.INT64, [2], [1 << 16, 1 << 17])
        model.graph.initializer.append(shape)
        model.graph.node.append(helper.make_node("ConstantOfShape", ["huge"], ["big"], name="big"))
        model.graph.node.append(helper.make_node("ReduceSum", ["big"], ["sum"], name="sum"))
        model.graph.node.append(helper.make_node("Add", ["half", "sum"], ["end"], name="end"))
        del model.graph.output[0].type.tensor_type.shape.dim[:]
        model.graph.output[0].name = "end"

    return onnx_model(change)


def lying_tensor() -> bytes:
    """A constant that claims more numbers than it brings."""

    def change(model):
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend([1 << 30])

    return onnx_model(change)


def own_operator() -> bytes:
    def change(model):
        model.graph.node[0].op_type = "Shell"
        model.graph.node[0].domain = "evil"
        model.opset_import.add(domain="evil", version=1)

    return onnx_model(change)


def flat(depth: int) -> bytes:
    """A protobuf message in itself, again and again."""
    body = b""
    for _ in range(depth):
        size, length = len(body), b""
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                break
        body = b"\x3a" + length + body
    return body


def keras() -> bytes:
    text = (
        b'{"class_name":"Functional","config":{"layers":[{"class_name":"Lambda","config":'
        b'{"function":{"class_name":"__lambda__","config":{"code":"4wEAAAA="}}}}]}}'
    )
    return zipped({"config.json": text, "metadata.json": b"{}", "model.weights.h5": b""})


def numpy_objects() -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


HALF = [("h.onnx", tiny(2.0))]
SENT = lambda: HALF  # noqa: E731
BIG = {"options": '{"verify": "off"}'}

UPLOADS = (
    # Code where a model should be.
    Upload("checkpoint with code", one("a.pt", checkpoint), "pickle"),
    Upload("bare pickle as .pth", one("a.pth", lambda: pickle.dumps(Evil())), ""),
    Upload("pickle as .pkl", one("a.pkl", lambda: pickle.dumps(Evil())), ""),
    Upload("pickle called .onnx", one("a.onnx", lambda: pickle.dumps(Evil())), ""),
    Upload("checkpoint called .pt2", one("a.pt2", checkpoint), ""),
    Upload("python", one("a.py", lambda: b"open('/tmp/oakwright-was-owned', 'w')"), ""),
    Upload("shell script", one("a.sh", lambda: b"#!/bin/sh\ntouch /tmp/oakwright-was-owned"), ""),
    Upload("program", one("a.blob", lambda: b"\x7fELF" + b"\0" * 300), ""),
    Upload("shared library", one("a.so", lambda: b"\x7fELF" + b"\0" * 300), ""),
    Upload("keras with a lambda", one("a.keras", keras), ""),
    Upload("numpy objects", one("a.npy", numpy_objects), ""),
    Upload("joblib", one("a.joblib", lambda: gzip.compress(pickle.dumps(Evil()))), ""),
    # Archives.
    Upload("link in a checkpoint", one("a.pt", link_in_zip), ""),
    Upload("zip bomb", one("a.pt", zip_bomb), ""),
    Upload("zip bomb called .pt2", one("a.pt2", zip_bomb), ""),
    Upload("zip that leaves", one("a.pt2", lambda: zipped({"../../x": b"x"})), ""),
    Upload("tar that leaves", one("a.tar.gz", lambda: tar_with("../../x")), ""),
    Upload("link in a tar", one("a.tar.gz", lambda: tar_with("x", "/etc/passwd")), ""),
    Upload("cut zip", one("a.pt", lambda: checkpoint()[:-30]), ""),
    # XML.
    Upload("entities", one("a.xml", bomb_xml), ""),
    Upload("entity from a file", one("a.xml", outside_xml), ""),
    Upload("deep", one("a.xml", deep_xml), ""),
    Upload("weights too short", lambda: [("a.xml", ir("1,9", 36)), ("a.bin", b"0")], ""),
    Upload("weights absent", one("a.xml", lambda: ir("1,9", 36)), ""),
    Upload("giant constant", lambda: [("a.xml", ir("99999,99999,9")), ("a.bin", b"0")], ""),
    Upload("negative shape", lambda: [("a.xml", ir("-5,3")), ("a.bin", b"0" * 64)], ""),
    # ONNX.
    Upload("weights in /etc", one("a.onnx", lambda: pointing("/etc/passwd")), ""),
    Upload("weights above", one("a.onnx", lambda: pointing("../../../book.sqlite")), ""),
    Upload("weights in /proc", one("a.onnx", lambda: pointing("/proc/self/environ")), ""),
    Upload("weights in a device", one("a.onnx", lambda: pointing("/dev/zero")), ""),
    Upload("weights far off", one("a.onnx", lambda: pointing("w.bin", offset=str(1 << 62))), ""),
    Upload("weights by address", one("a.onnx", lambda: pointing("http://127.0.0.1/x")), ""),
    Upload("giant input", one("a.onnx", lambda: giant([1, 3, 1 << 30, 1 << 30])), "", form=BIG),
    Upload("large input", one("a.onnx", lambda: giant([1, 3, 90_000, 90_000])), "", form=BIG),
    Upload("giant constant made", one("a.onnx", giant_constant), "", form=BIG),
    Upload("tensor that lies", one("a.onnx", lying_tensor), ""),
    Upload("operator of its own", one("a.onnx", own_operator), ""),
    Upload("message in itself", one("a.onnx", lambda: flat(20_000)), ""),
    Upload("length that lies", one("a.onnx", lambda: b"\x3a\xff\xff\xff\xff\x07" + b"x" * 50), ""),
    Upload("cut", one("a.onnx", lambda: tiny(2.0)[:-20]), ""),
    Upload("empty", one("a.onnx", lambda: b""), ""),
    Upload("noise", one("a.onnx", lambda: bytes(range(256)) * 9), ""),
    # Other frameworks.
    Upload("TFLite noise", one("a.tflite", lambda: struct.pack("<I4s", 8, b"TFL3") * 40), ""),
    Upload("frozen graph noise", one("a.pb", lambda: b"\x0a\x7f" + b"\xff" * 90), ""),
    Upload(
        "Caffe text bomb", lambda: [("a.prototxt", b"layer {" * 50_000), ("a.caffemodel", b"")], ""
    ),
    # Names.
    Upload("name that leaves", one("../../x.onnx", lambda: tiny(2.0)), "refused", 400),
    Upload("name from the root", one("/etc/x.onnx", lambda: tiny(2.0)), "refused", 400),
    Upload("name with a zero", one("x\x01.onnx", lambda: tiny(2.0)), "refused", 400),
    Upload("result that leaves", SENT, "refused", 400, {"name": "../../x"}),
    Upload("hidden result", SENT, "refused", 400, {"name": ".profile"}),
    Upload("same name twice", lambda: HALF + HALF, "same name", 400),
    Upload("many files", lambda: [(f"{n}.bin", b"") for n in range(40)], "files", 400),
    # Options.
    Upload("shell in an option", SENT, "colour", 400, {"options": '{"color": "$(id)"}'}),
    Upload("unknown option", SENT, "shell", 400, {"options": '{"shell": "rm -rf /"}'}),
    Upload("braces", SENT, "options", 400, {"options": "{" * 100_000}),
    Upload("giant shape", SENT, "shape", 400, {"options": '{"shape": [1, 3, 1e18, 8]}'}),
    Upload("negative shaves", SENT, "shaves", 400, {"options": '{"shaves": -1}'}),
    Upload("not a number", SENT, "scale", 400, {"options": '{"scale": NaN}'}),
    Upload("too long", one("a.onnx", lambda: b"0" * (5 << 20)), "larger than", 413),
)
