"""The client from the package index, untouched, against the server: what scripts in use do."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.unit.conversion import caffe_files

from .conftest import bad, run_blob, tiny

# The client asks a bucket before its server. That address is led to loopback, where it is
# answered 404; nothing of the client itself is changed.
CLIENT = """
import json, sys
from urllib.parse import urlsplit
from requests.adapters import HTTPAdapter

url, folder = sys.argv[1:]
asked, send = [], HTTPAdapter.send

def led(self, request, **more):
    host = urlsplit(request.url).netloc
    if host != urlsplit(url).netloc:
        asked.append(host)
        request.url = url + "/bucket" + urlsplit(request.url).path
    return send(self, request, **{**more, "proxies": {}})

HTTPAdapter.send = led
import blobconverter

blobconverter.set_defaults(url=url, output_dir=folder + "/out", silent=True)
models = folder + "/models"
plain = ["--mean_values=[0,0,0]", "--scale_values=[255,255,255]"]
found = {}

def note(name, call):
    try:
        made = call()
        found[name] = made if isinstance(made, (list, dict)) else str(made)
    except Exception as error:
        found[name] = {"raised": type(error).__name__, "text": str(error)}

convert = blobconverter.from_onnx
note("onnx", lambda: convert(models + "/half.onnx", optimizer_params=plain, shaves=5))
note("openvino", lambda: blobconverter.from_openvino(
    xml=models + "/net.xml", bin=models + "/net.bin", shaves=3, version="2021.4",
    compile_params=["-ip FP16"]))
note("ir", lambda: convert(models + "/half.onnx", download_ir=True))
note("dry", lambda: convert(models + "/half.onnx", dry=True, use_cache=False))
note("caffe", lambda: blobconverter.from_caffe(
    proto=models + "/deploy.prototxt", model=models + "/net.caffemodel", optimizer_params=[]))
note("zoo_list", lambda: blobconverter.zoo_list())
note("zoo", lambda: blobconverter.from_zoo("halver", use_cache=False))
note("bad", lambda: convert(models + "/bad.onnx"))
note("address", lambda: convert("http://127.0.0.1:9/half.onnx", model_size=3))
note("rvc3", lambda: convert(models + "/half.onnx", version="2022.3_RVC3"))
print("FOUND" + json.dumps({"found": found, "asked": asked}))
"""


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    """What the client's functions gave, what it printed, which other hosts it asked."""
    import openvino as ov

    folder = tmp_path_factory.mktemp("client")
    models = folder / "models"
    models.mkdir()
    (models / "half.onnx").write_bytes(tiny(2.0))
    (models / "bad.onnx").write_bytes(bad())
    core = ov.Core()
    caffe = caffe_files.ssd(models)
    caffe.rename(models / "deploy.prototxt")
    caffe.with_suffix(".caffemodel").rename(models / "net.caffemodel")
    ov.save_model(core.read_model(tiny(8.0)), str(models / "net.xml"))
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, server.url, str(folder)],
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    printed, _, tail = done.stdout.partition("FOUND")
    assert tail, done.stderr
    return {**json.loads(tail), "printed": printed}


def test_an_onnx_file_becomes_the_blob_that_was_asked_for(client):
    blob = Path(client["found"]["onnx"])
    assert blob.name == "half_openvino_2022.1_5shave.blob"
    content = blob.read_bytes()
    assert int.from_bytes(content[100:104], "little") == 5  # shaves
    assert np.frombuffer(content[60:68], "<u4").tolist() == [2022, 1]
    # x/255 (as the arguments say), then the network's own /2
    np.testing.assert_allclose(run_blob(content, 102), 0.2, rtol=2e-3)


def test_an_ir_of_two_files_is_taken_as_it_is(client):
    content = Path(client["found"]["openvino"]).read_bytes()
    assert np.frombuffer(content[60:68], "<u4").tolist() == [2021, 4]
    np.testing.assert_allclose(run_blob(content, 80), 10.0, rtol=2e-3)


def test_caffes_two_files_of_two_names_go_together(client):
    import oakwright

    blob = oakwright.Blob.open(client["found"]["caffe"])
    assert blob.inputs[0].name == "data"
    assert list(blob.outputs[0].desc.dims[::-1]) == [1, 1, 20, 7]


def test_the_ir_comes_along(client):
    path = Path(client["found"]["ir"])
    assert path.suffix == ".zip"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert {*archive.namelist()} == {"half.xml", "half.bin", "half.blob"}
        assert b"<net" in archive.read("half.xml")
        assert archive.read("half.blob")[52:56] == (9709).to_bytes(4, "little")


def test_dry_says_what_would_be_done(client):
    said = client["found"]["dry"]
    assert "--mean_values=[127.5,127.5,127.5]" in said["model_optimizer"]
    assert "-ip U8" in said["compile_tool"]


def test_the_zoo_is_listed_and_converted(client):
    assert client["found"]["zoo_list"] == [{"name": "halver", "data_types": ["FP16"]}]
    content = Path(client["found"]["zoo"]).read_bytes()
    np.testing.assert_allclose(run_blob(content, 80), 20.0, rtol=2e-3)


def test_a_refusal_names_layer_reason_and_remedy(client):
    assert client["found"]["bad"]["raised"] == "HTTPError"
    assert "400" in client["found"]["bad"]["text"]
    for word in ('"message"', '"stderr"', '"exit_code": 1', "finder", "try: "):
        assert word in client["printed"], word


def test_the_server_fetches_nothing_and_makes_nothing_for_other_chips(client):
    assert client["found"]["address"]["raised"] == "HTTPError"
    assert "downloads nothing" in client["printed"]
    assert client["found"]["rvc3"]["raised"] == "HTTPError"
    assert "not for the Myriad X" in client["printed"]


def test_the_bucket_was_asked_and_answered_404(client, server):
    assert set(client["asked"]) == {"blobconverter.s3.amazonaws.com"}
    assert server.get("/bucket/anything.blob").status_code == 404


def test_plain_refusals_are_upstreams_words(server):
    answer = server.post("/compile", data={})
    assert (answer.status_code, answer.text) == (400, 'Parameter "name" is empty!')
    answer = server.post("/compile", data={"name": "x"}, files={"a": ("a.onnx", b"x")})
    assert answer.status_code == 400
    assert answer.text == 'File named "config" must be present in the request form'
    answer = server.post("/compile", data={"name": "no-such", "use_zoo": "True"})
    assert (answer.status_code, answer.text) == (400, "Model no-such not found in model zoo")


def test_headers_are_those_that_the_old_page_and_client_read(server):
    config = (
        "files: [{name: FP16/h.onnx, source: {$type: http, url: $REQUEST/h.onnx}}]\n"
        "framework: onnx\nmodel_optimizer_args: ['--input_model=$dl_dir/FP16/h.onnx']\n"
    )
    answer = server.post(
        "/compile?version=2022.1&no_cache=True",
        data={"name": "mine", "myriad_shaves": "4"},
        files={"config": ("tmpx", config), "h.onnx": ("h.onnx", tiny(2.0))},
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == "attachment; filename=mine.blob"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert len(answer.headers["X-HASH"]) == 64
