"""Uploads by somebody who means harm: each is refused with a reason, and the server lives on."""

import contextlib
import json

import pytest
import requests

from oakwright.errors import UsageError
from oakwright.server.compat import read_config
from oakwright.server.request import JobRequest, Upload, pick_model, safe_name

from .conftest import tiny
from .hostile_uploads import MARKER, UPLOADS

# Every conversion of the table takes a process of its own: all of them in `make test-all`; those
# that are refused where they arrive, with one of each family, always.
FEW = ("checkpoint with code", "zip bomb", "entities", "weights in /etc", "large input")


@pytest.mark.parametrize(
    "uploads",
    [
        pytest.param([u for u in UPLOADS if u.status != 202 or u.what in FEW], id="few"),
        pytest.param(UPLOADS, id="all", marks=pytest.mark.slow),
    ],
)
def test_hostile_uploads_are_refused_with_a_reason(server, uploads):
    """Each with the right status and words, none twice; all is well afterwards."""
    MARKER.unlink(missing_ok=True)
    jobs, wrong = {}, []
    for upload in uploads:
        answer = server.submit(*upload.files(), **upload.form)
        said = answer.json()
        if answer.status_code != upload.status or answer.status_code == 202:
            if answer.status_code != upload.status:
                wrong.append(f"{upload.what}: {answer.status_code} {answer.text[:300]}")
                continue
            jobs[upload.what] = (upload, said)
        elif upload.word not in said["message"] or not said["kind"]:
            wrong.append(f"{upload.what}: {answer.text[:300]}")
    for what, (upload, job) in jobs.items():
        done = server.finished(job, 300)
        error = done["error"] or {"message": "(no error)", "kind": ""}
        text = json.dumps(done)
        for is_wrong, why in (
            (done["state"] != "failed", f"is {done['state']}"),
            (done["attempts"] != 1, f"took {done['attempts']} attempts"),
            (upload.word not in error["message"] + error.get("remedy", ""), "says another word"),
            (str(server.data) in text, "shows the server's folders"),
            ("Traceback" in text or "root:" in text, "shows too much"),
            (error["kind"] in ("Crashed", "TimeOut", "Server"), "was no designed refusal"),
        ):
            if is_wrong:
                wrong.append(f"{what}: {why}: {error['kind']} {error['message'][:300]}")
    assert not wrong, "\n".join(wrong)
    assert len(UPLOADS) >= 50
    assert not MARKER.exists()
    assert server.get("/readyz").json()["ready"]
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
