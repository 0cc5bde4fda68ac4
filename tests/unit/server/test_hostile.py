"""Uploads by somebody who means harm: each is refused with a reason, and the server lives on."""

import contextlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import requests

from oakwright.errors import UsageError
from oakwright.server.compat import read_config
from oakwright.server.request import JobRequest, Upload, pick_model, safe_name

from .conftest import tiny


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/oakwright-was-owned"),))


def evil_pt() -> bytes:
    """What torch.save makes of an object that runs code when it is loaded."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
        archive.writestr("archive/version", "3")
    return buffer.getvalue()


def pointing(location: str) -> bytes:
    """ONNX whose weights lie in another file."""
    import onnx

    model = onnx.load_model_from_string(tiny(2.0))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return model.SerializeToString()


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 20}">' for i in range(12))
    + ']><net name="&m;" version="10"><layers/></net>'
).encode()


def test_hostile_models_fail_with_a_reason(server):
    marker = Path("/tmp/oakwright-was-owned")
    given = {
        "code.pt": evil_pt(),
        "code.pth": pickle.dumps(Evil()),
        "code.pkl": pickle.dumps(Evil()),
        "passwd.onnx": pointing("/etc/passwd"),
        "above.onnx": pointing("../../../jobs.sqlite"),
        "bomb.xml": BOMB,
        "cut.onnx": tiny(2.0)[:-20],
        "empty.onnx": b"",
        "noise.onnx": bytes(range(256)) * 9,
        "blob.blob": b"\x7fELF" + b"\0" * 300,
        "code.py": b"import pathlib; pathlib.Path('/tmp/oakwright-was-owned').touch()",
    }
    jobs = {name: server.submit((name, data)).json() for name, data in given.items()}
    for name, job in jobs.items():
        done = server.finished(job)
        assert done["state"] == "failed", name
        assert done["attempts"] == 1, name
        assert done["error"]["message"], name
        assert str(server.data) not in json.dumps(done), name
        assert "Traceback" not in done["error"]["message"], name
    assert "pickle" in server.get(f"/api/v1/jobs/{jobs['code.pt']['id']}").text
    assert not marker.exists()
    good = server.finished(server.submit(("good.onnx", tiny(9.0))).json())
    assert good["state"] == "done"


@pytest.mark.parametrize(
    "name",
    ["../x.onnx", "/etc/x.onnx", "..\\x.onnx", ".x.onnx", "-x.onnx", "a\x01b.onnx", "", "a" * 200,
     "c:x.onnx", "\u202ea.onnx"],
)  # fmt: skip
def test_names_that_would_leave_their_folder_are_refused(name):
    with pytest.raises(UsageError):
        safe_name(name, "a file's name")


def test_hostile_requests_are_refused_where_they_arrive(server):
    half = ("h.onnx", tiny(2.0))
    for answer, word in (
        (server.submit(half, name="../../x"), "refused"),
        (server.submit(half, options='{"shaves": 99}'), "shaves"),
        (server.submit(half, options='{"shell": "rm"}'), "shell"),
        (server.submit(half, options='{"color": "$(id)"}'), "colour"),
        (server.submit(half, options="{" * 5000), "options"),
        (server.submit(half, half), "same name"),
        (server.submit(half, ("other.onnx", b"x")), "more than one"),
        (server.submit(("w.bin", b"x")), "no model"),
    ):
        assert answer.status_code == 400, answer.text
        assert word in answer.json()["message"]
        assert answer.json()["kind"]
    assert server.submit(("big.onnx", b"0" * (5 << 20))).status_code == 413

    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.onnx"\r\n\r\n'
        for _ in range(6):
            yield b"0" * (1 << 20)

    kind = "multipart/form-data; boundary=x"
    with contextlib.suppress(requests.ConnectionError):  # or cut off while it still sends
        answer = server.post("/api/v1/jobs", data=endless(), headers={"Content-Type": kind})
        assert answer.status_code == 413
    assert server.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "compiling",
    ["-c /etc/passwd", "-ip U8 -c=/etc/passwd", "-m /etc/passwd", "-o /tmp/x", "; rm -rf /",
     "-ip `id`", "-ip 'U8", "--c /etc/passwd", "-VPU_NUMBER_OF_SHAVES 99", "-ip"],
)  # fmt: skip
def test_compile_parameters_name_no_file_and_reach_no_shell(compiling):
    with pytest.raises(UsageError) as caught:
        JobRequest("x", (Upload("x.onnx", "0" * 64, 1),), optimizer=(), compiling=compiling)
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [["--extensions=/tmp/x.py", "--transformations_config=/etc/passwd"], ["--mean_values=$(id)"],
     ["--scale=nan"], ["rm"], ["--input_shape=[1,3,99999999,9]"], ["--freeze=" + "1" * 10000]],
)  # fmt: skip
def test_optimizer_arguments_are_options_or_nothing(words):
    with pytest.raises(UsageError):
        JobRequest("x", (Upload("x.onnx", "0" * 64, 1),), optimizer=tuple(words), compiling="")


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "files: 3", "files: [{}]", "files: []\nmodel_optimizer_args: {a: b}",
     "!!python/object/apply:os.system [id]", "\x00", "a: &a [*a]", "x" * (1 << 19)],
)  # fmt: skip
def test_descriptions_are_data(text):
    with pytest.raises(UsageError):
        read_config(text.encode())


def test_the_model_among_the_files():
    assert pick_model(["a.bin", "a.xml"]) == ("a.xml",)
    assert pick_model(["m.caffemodel", "m.prototxt"]) == ("m.prototxt", "m.caffemodel")
    assert pick_model(["a.pdiparams", "a.pdmodel"]) == ("a.pdmodel",)
    for names in ([], ["a.bin"], ["a.onnx", "b.onnx"]):
        with pytest.raises(UsageError):
            pick_model(names)
