"""The client from the package index, untouched, against the server: what scripts in use do."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
import yaml

from oakwright import blobconverter as ours
from oakwright.errors import OakwrightError, RemoteError, UnsupportedModel, UsageError
from oakwright.server.fetch import is_allowed
from tests.unit.conversion import caffe_files, framework_files

from .conftest import Served, bad, run_blob, tiny

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
note("tf", lambda: blobconverter.from_tf(
    frozen_pb=models + "/frozen.pb", optimizer_params=["--scale_values=[255,255,255]"]))
note("config", lambda: blobconverter.from_config("described", models + "/described.yml"))
note("zoo_list", lambda: blobconverter.zoo_list())
note("zoo", lambda: blobconverter.from_zoo("halver", use_cache=False))
note("bad", lambda: convert(models + "/bad.onnx"))
note("address", lambda: convert("http://127.0.0.1:9/half.onnx", model_size=3))
note("rvc3", lambda: convert(models + "/half.onnx", version="2022.3_RVC3"))
print("FOUND" + json.dumps({"found": found, "asked": asked}))
"""


def description(depot, folder: str, **changed) -> str:
    """A model description in Open Model Zoo's form, whose file lies at an address."""
    files, address, _ = depot
    content = tiny(16.0)
    files[f"/{folder}/sixteenth.onnx"] = content
    file = {
        "name": "sixteenth.onnx",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "source": f"{address}/{folder}/sixteenth.onnx",
        **changed,
    }
    words = ["--input_model=$dl_dir/sixteenth.onnx", "--scale_values=image[255]"]
    tree = {"files": [file], "framework": "onnx", "model_optimizer_args": words}
    return yaml.safe_dump({"description": "d", "task_type": "other", "license": "x", **tree})


@pytest.fixture(scope="module")
def client(server, depot, tmp_path_factory):
    """What the client's functions gave, what it printed, which other hosts it asked."""
    import openvino as ov

    folder = tmp_path_factory.mktemp("client")
    models = folder / "models"
    models.mkdir()
    (models / "half.onnx").write_bytes(tiny(2.0))
    (models / "bad.onnx").write_bytes(bad())
    (models / "frozen.pb").write_bytes(framework_files.tensorflow_graph())
    (models / "described.yml").write_text(description(depot, "open"))
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


def test_a_frozen_graph_computes_what_it_says(client):
    import oakwright

    blob = oakwright.Blob.open(client["found"]["tf"])
    image = np.random.default_rng(3).integers(0, 256, (1, 3, 4, 6), np.uint8)
    (out,) = oakwright.run(blob, {blob.inputs[0].name: image}).values()
    wanted = framework_files.expected((image / 255).astype(np.float32).transpose(0, 2, 3, 1))
    out = out if out.shape == wanted.shape else out.transpose(0, 2, 3, 1)
    assert np.abs(out - wanted).max() < 2e-3


def test_a_description_whose_file_lies_at_an_allowed_address(client):
    content = Path(client["found"]["config"]).read_bytes()
    np.testing.assert_allclose(run_blob(content, 102), 102 / 255 / 16, rtol=3e-3)


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


def compile_by(server, config: str):
    return server.post("/compile", data={"name": "x"}, files={"config": ("c", config)})


def test_files_are_fetched_from_allowed_places_only_and_are_what_was_said(server, depot):
    files, address, asked = depot
    files["/open/out"] = f"{address}/secret/sixteenth.onnx"
    asked.clear()
    for config, word in (
        (description(depot, "secret"), "--fetch-from"),
        (description(depot, "open", source="http://169.254.169.254/latest"), "--fetch-from"),
        (description(depot, "open", source="file:///etc/passwd"), "--fetch-from"),
        (description(depot, "open", source=f"{address}/open/../secret/sixteenth.onnx"), "--fetch"),
        (description(depot, "open", source=f"{address}/open/out"), "not allowed"),
        (description(depot, "open", source=f"{address}/open/absent"), "Not Found"),
        (description(depot, "open", size=5), "longer than 5 bytes"),
        (description(depot, "open", sha256="0" * 64), "sha256 is another"),
    ):
        answer = compile_by(server, config)
        assert answer.status_code == 400, config
        assert word in answer.json()["message"] + answer.json()["remedy"], answer.text
    assert not [path for path in asked if "secret" in path]


def test_allowed_is_the_same_host_and_below_the_same_folder():
    places = ["https://models.example/zoo"]
    assert is_allowed("https://models.example/zoo/a.onnx", places)
    for address in (
        *("http://models.example/zoo/a", "https://models.example.org/zoo/a"),
        *("https://models.example/zoology/a", "https://models.example@evil/zoo/a"),
        *("https://models.example/zoo/%2e%2e/a", "https://[/zoo/", "ftp://models.example/zoo/a"),
    ):
        assert not is_allowed(address, places), address


def test_a_file_of_the_zoo_is_known_by_its_hash(server, depot, shelf):
    content = (shelf / "halver" / "halver.onnx").read_bytes()
    config = description(
        depot, "open", source="http://127.0.0.1:9/halver.onnx", size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    answer = compile_by(server, config)
    assert answer.status_code == 200, answer.text
    np.testing.assert_allclose(run_blob(answer.content, 204), 0.2, rtol=3e-3)


@pytest.fixture
def drop_in(monkeypatch, tmp_path, server):
    monkeypatch.setattr(ours, "_DEFAULTS", {**ours._DEFAULTS})
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ours.set_defaults(url=server.url, output_dir=tmp_path / "out", silent=True)
    return tmp_path


def test_the_drop_in_asks_the_server(drop_in, server, depot, monkeypatch):
    from oakwright import conversion

    monkeypatch.setattr(conversion, "convert", None)  # nothing is done here
    model = drop_in / "half.onnx"
    model.write_bytes(tiny(2.0))
    seen = []
    ours.set_defaults(progress_func=lambda now, total: seen.append((now, total)))
    path = ours.from_onnx(model, optimizer_params=["--scale=255"], shaves=5)
    assert path.name == "half_openvino_2022.1_5shave.blob"
    np.testing.assert_allclose(run_blob(path.read_bytes(), 102), 0.2, rtol=2e-3)
    assert seen[-1][0] == seen[-1][1] == path.stat().st_size
    assert ours.is_valid_blob(path)
    archive = ours.from_onnx(model, download_ir=True, use_cache=False)
    with zipfile.ZipFile(archive) as found:
        assert {*found.namelist()} == {"half.xml", "half.bin", "half.blob"}
    assert "-ip U8" in ours.from_onnx(model, dry=True)["compile_tool"]
    assert ours.zoo_list() == [{"name": "halver", "data_types": ["FP16"]}]
    assert ours.from_zoo("halver", shaves=3).is_file()
    config = drop_in / "described.yml"
    config.write_text(description(depot, "open"))
    (drop_in / "sixteenth.onnx").write_bytes(tiny(16.0))
    described = ours.from_config("described", config)
    np.testing.assert_allclose(run_blob(described.read_bytes(), 102), 0.025, rtol=3e-3)


def test_the_drop_in_takes_two_files(drop_in, monkeypatch):
    import openvino as ov

    from oakwright import conversion

    monkeypatch.setattr(conversion, "convert", None)
    (drop_in / "models").mkdir()
    caffe_files.ssd(drop_in / "models").rename(drop_in / "models" / "deploy.prototxt")
    weights = next((drop_in / "models").glob("*.caffemodel"))
    made = ours.from_caffe(
        proto=drop_in / "models" / "deploy.prototxt", model=weights, optimizer_params=[]
    )
    assert ours.is_valid_blob(made)
    ov.save_model(ov.Core().read_model(tiny(8.0)), str(drop_in / "net.xml"))
    made = ours.from_openvino(xml=drop_in / "net.xml", bin=drop_in / "net.bin")
    np.testing.assert_allclose(run_blob(made.read_bytes(), 80), 10.0, rtol=2e-3)


def test_the_drop_ins_errors_are_those_of_this_machine(drop_in, server):
    model = drop_in / "bad.onnx"
    model.write_bytes(bad())
    with pytest.raises(UnsupportedModel, match="finder") as caught:
        ours.from_onnx(model, optimizer_params=[])
    assert caught.value.layer == "finder"
    assert caught.value.remedy
    model.write_bytes(tiny(2.0))
    with pytest.raises(UsageError, match="flag"):
        ours.from_onnx(model, optimizer_params=["--no_such_flag"])
    with pytest.raises(OakwrightError, match="not found"):
        ours.from_zoo("no-such")
    with pytest.raises(RemoteError, match="cannot be asked") as caught:
        ours.from_onnx(model, url="http://me:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)
    with pytest.raises(RemoteError, match=r"refused|cannot be asked"):
        ours.from_onnx(model, url=f"{server.url}/page/page.css?")
    with pytest.raises(UsageError, match="no server's address"):
        ours.from_onnx(model, url="converter:8000")
    assert not list((drop_in / "out").glob("*")) if (drop_in / "out").exists() else True


def test_the_public_converter_is_not_asked(drop_in, capsys):
    model = drop_in / "half.onnx"
    model.write_bytes(tiny(2.0))
    ours.set_defaults(silent=False)
    ours.from_onnx(model, url="https://blobconverter.luxonis.com", optimizer_params=[])
    assert "is not asked" in capsys.readouterr().out


@pytest.mark.real_time
def test_a_slow_host_of_files_takes_nobody_elses_threads(server, depot):
    """More requests wait for it than the server has threads; all else goes on."""
    files, address, asked = depot
    over = threading.Event()
    files["/open/slow.onnx"] = lambda: over.wait(240) and None
    config = {
        "files": [{"name": "slow.onnx", "source": {"url": f"{address}/open/slow.onnx"}}],
        "framework": "onnx",
        "model_optimizer_args": [],
    }

    def ask(number):
        return requests.post(
            f"{server.url}/compile",
            data={"name": f"slow{number}"},
            files={"config": ("config.yml", yaml.dump(config))},
            timeout=300,
            proxies={"http": ""},
        )

    with ThreadPoolExecutor(45) as pool:
        answers = [pool.submit(ask, number) for number in range(45)]
        try:
            assert Served.until(lambda: asked.count("/open/slow.onnx") >= 2, 120)
            for _ in range(3):
                assert server.get("/healthz").status_code == 200
                assert server.get("/api/v1/jobs").status_code == 200
            assert sum(not answer.done() for answer in answers) > 40
        finally:
            over.set()
        assert {answer.result(300).status_code for answer in answers} == {400}
    assert "could not be had" in answers[0].result().json()["message"]
