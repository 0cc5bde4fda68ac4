"""Zoos: manifests, downloads from a server in this process, conversion with no network."""

import hashlib
import http.server
import io
import json
import socket
import tarfile
import threading
import zipfile

import pytest
import yaml

from oakwright import blobconverter
from oakwright.cli.main import run
from oakwright.conversion import convert
from oakwright.errors import UnreadableModel, UsageError
from oakwright.zoo import Shelf, convert_model, download, read_manifest
from tests.conftest import half_onnx


@pytest.fixture
def server():
    """(files to serve, address); what is asked for is kept in ``asked``."""
    files, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            data = files.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield files, f"http://127.0.0.1:{made.server_port}", asked
    made.shutdown()
    made.server_close()


def entry(name, data, address="", algorithm="sha256"):
    key = "checksum" if algorithm == "sha384" else algorithm
    digest = hashlib.new(algorithm, data).hexdigest()
    return {"name": name, "size": len(data), key: digest, "source": address}


def manifest(folder, name, files, **more):
    tree = {"description": "A test", "task_type": "detection", "framework": "onnx",
            "license": "MIT", "files": files, **more}  # fmt: skip
    place = folder / name / "model.yml"
    place.parent.mkdir(parents=True)
    place.write_text(yaml.safe_dump(tree))
    return place


ARGUMENTS = ["--mean_values=image[1,2,3]", "--scale_values=image[4,5,6]",
             "--reverse_input_channels", "--input=image", "--output=half",
             "--input_shape=[1,3,8,8]", "--input_model=$dl_dir/half.onnx"]  # fmt: skip


@pytest.fixture
def onnx_zoo(tmp_path, server):
    files, address, _ = server
    files["/half.onnx"] = half_onnx()
    zoo = tmp_path / "zoo" / "public"
    manifest(
        zoo, "half", [entry("half.onnx", half_onnx(), f"{address}/half.onnx", "sha384")],
        model_optimizer_args=ARGUMENTS,
    )  # fmt: skip
    return Shelf.of([tmp_path / "zoo"], tmp_path / "cache")


def test_download_checks_and_keeps(onnx_zoo, server, own_cache):
    _, _, asked = server
    model = onnx_zoo.find("half")
    assert (model.family, model.task, model.precisions) == ("public", "detection", ["FP16"])
    with pytest.raises(UnreadableModel, match="zoo download half") as caught:
        convert_model(onnx_zoo, model)
    assert not asked
    assert "half.onnx missing" in caught.value.message
    (path,) = download(onnx_zoo, model)
    assert path.read_bytes() == half_onnx()
    download(onnx_zoo, model)
    assert asked == ["/half.onnx"]
    made = convert_model(onnx_zoo, model, shaves=4)
    wanted = convert(path, mean=[1, 2, 3], scale=[4, 5, 6], reverse_channels=True, shaves=4,
                     input_precision="U8")  # fmt: skip
    assert made.blobs[4] == wanted.blobs[4]


@pytest.mark.parametrize("change", ["longer", "shorter", "other", "gone"])
def test_what_is_not_the_manifests_is_not_kept(change, onnx_zoo, server):
    files, _, _ = server
    data = half_onnx()
    files["/half.onnx"] = {
        "longer": data + b"x", "shorter": data[:-1], "other": data[:-1] + b"\xff", "gone": None,
    }[change]  # fmt: skip
    with pytest.raises(UnreadableModel, match=r"is not half\.onnx|could not be downloaded"):
        download(onnx_zoo, onnx_zoo.find("half"))
    assert [p for p in onnx_zoo.cache.rglob("*") if p.is_file()] == []


def test_a_cache_filled_before_needs_no_network(onnx_zoo, own_cache, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    # Open Model Zoo's own downloader puts its files below the family's folder.
    place = onnx_zoo.cache / "public" / "half" / "half.onnx"
    place.parent.mkdir(parents=True)
    place.write_bytes(half_onnx())
    monkeypatch.setattr(socket, "socket", refuse)
    model = onnx_zoo.find("half")
    assert download(onnx_zoo, model) == [place]
    assert convert_model(onnx_zoo, model).blob.shaves == 6
    place.write_bytes(half_onnx(3.0))
    with pytest.raises(UnreadableModel, match=r"another file|bytes, the manifest"):
        convert_model(onnx_zoo, model)


def test_archives_are_unpacked_and_texts_changed(tmp_path, server, own_cache):
    files, address, _ = server
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner/half.onnx", half_onnx())
    files["/a.zip"], files["/t.txt"] = packed.getvalue(), b"alpha beta beta"
    manifest(
        tmp_path / "zoo", "zipped",
        [entry("a.zip", files["/a.zip"], f"{address}/a.zip"),
         entry("t.txt", files["/t.txt"], f"{address}/t.txt")],
        postprocessing=[
            {"$type": "unpack_archive", "format": "zip", "file": "a.zip"},
            {"$type": "regex_replace", "file": "t.txt", "pattern": "b(.)ta",
             "replacement": r"\1", "count": 1},
        ],
        model_optimizer_args=["--input_model=$dl_dir/inner/half.onnx"],
    )  # fmt: skip
    shelf = Shelf.of([tmp_path / "zoo"], tmp_path / "cache")
    for _ in range(2):  # what was changed already is neither changed nor fetched again
        download(shelf, shelf.find("zipped"))
    assert (shelf.cache / "zipped" / "t.txt").read_text() == "alpha e beta"
    assert convert_model(shelf, shelf.find("zipped")).name == "zipped"


def test_hostile_archives_write_nothing_outside(tmp_path, server):
    files, address, _ = server
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("../../evil")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    files["/a.tgz"] = packed.getvalue()
    manifest(
        tmp_path / "zoo", "bad", [entry("a.tgz", files["/a.tgz"], f"{address}/a.tgz")],
        postprocessing=[{"$type": "unpack_archive", "format": "gztar", "file": "a.tgz"}],
    )  # fmt: skip
    shelf = Shelf.of([tmp_path / "zoo"], tmp_path / "cache")
    with pytest.raises(UnreadableModel, match="not below its folder"):
        download(shelf, shelf.find("bad"))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "tree",
    [
        {"files": [{"name": "../x"}]},
        {"files": [{"name": "/etc/passwd"}]},
        {"files": [{"name": "a", "size": "big"}]},
        {"files": [{"name": "a", "sha256": "12"}]},
        {"files": [{"name": "a", "source": {"$type": "ftp"}}]},
        {"files": "a"},
        {"files": [], "model_optimizer_args": [["a"]]},
        [],
    ],
)
def test_a_wrong_manifest_is_one_error(tree, tmp_path):
    path = tmp_path / "m" / "model.yml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(UnreadableModel) as caught:
        read_manifest(path)
    assert str(path) in caught.value.message


def test_without_hash_or_address_nothing_is_fetched(tmp_path, server):
    files, address, asked = server
    files["/x"] = b"x"
    manifest(tmp_path / "z", "nohash", [{"name": "x", "size": 1, "source": f"{address}/x"}])
    manifest(tmp_path / "z", "file", [entry("x", b"x", "file:///etc/passwd")])
    shelf = Shelf.of([tmp_path / "z"], tmp_path / "cache")
    with pytest.raises(UnreadableModel, match="no hash"):
        download(shelf, shelf.find("nohash"))
    with pytest.raises(UnreadableModel, match="no address"):
        download(shelf, shelf.find("file"))
    assert not asked


def test_private_folders_irs_and_google_drive(tmp_path, own_cache):
    made = convert(half_onnx_path(tmp_path), to="ir")
    zoo = tmp_path / "mine"
    drive = {"$type": "google_drive", "id": "a b"}
    files = [
        entry("FP16/half.xml", made.xml), {**entry("FP16/half.bin", made.bin), "source": drive},
    ]  # fmt: skip
    place = manifest(zoo, "half", files, framework="dldt")
    # As in a clone of the DepthAI model zoo: the .xml beside the manifest, the .bin downloaded.
    (place.parent / "half.xml").write_bytes(made.xml)
    shelf = Shelf.of([zoo], tmp_path / "cache")
    assert read_manifest(place).files[1].address.endswith("id=a%20b&confirm=t")
    weights = shelf.cache / "half" / "FP16" / "half.bin"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(made.bin)
    assert convert_model(shelf, shelf.find("half"), shaves=3).blob.shaves == 3
    with pytest.raises(UsageError, match="does not come in FP32"):
        convert_model(shelf, shelf.find("half"), precision="FP32")
    with pytest.raises(UnreadableModel, match="near it: half"):
        shelf.find("halff")


def half_onnx_path(folder):
    path = folder / "source.onnx"
    path.write_bytes(half_onnx())
    return path


def test_code_is_not_run_and_says_what_to_do(tmp_path):
    manifest(
        tmp_path / "z", "net", [entry("net.pth", b"x")], framework="pytorch",
        conversion_to_onnx_args=["--output-file=$conv_dir/net.onnx"],
        model_optimizer_args=["--input_model=$conv_dir/net.onnx"],
    )  # fmt: skip
    shelf = Shelf.of([tmp_path / "z"], tmp_path / "cache")
    with pytest.raises(UnreadableModel, match="does not run") as caught:
        convert_model(shelf, shelf.find("net"))
    assert "net.onnx" in caught.value.remedy


def test_the_commands(onnx_zoo, tmp_path, own_cache, capsys):
    where = ["--folder", str(tmp_path / "zoo"), "--cache", str(tmp_path / "cache")]
    assert run(["zoo", "list", *where]) == 0
    assert "  half" in capsys.readouterr().out
    assert run(["zoo", "convert", "half", *where]) == 1
    assert run(["zoo", "download", "half", *where]) == 0
    assert "licence MIT" in capsys.readouterr().out
    assert run(["zoo", "list", "--json", "--task", "detection", *where]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["is_here"]
    assert run(["zoo", "convert", "half", *where, "-o", str(tmp_path / "o")]) == 0
    assert (tmp_path / "o" / "half.blob").is_file()


def test_blobconverters_from_zoo_reads_manifests(onnx_zoo, tmp_path, own_cache):
    place = tmp_path / "zoo" / "public" / "half" / "half.onnx"
    place.write_bytes(half_onnx())
    path = blobconverter.from_zoo(
        "half", shaves=4, zoo_dir=tmp_path / "zoo", output_dir=tmp_path / "out"
    )
    wanted = convert_model(onnx_zoo, onnx_zoo.find("half"), shaves=4)
    assert path.read_bytes() == wanted.blobs[4]
    assert path.name == "half_openvino_2022.1_4shave.blob"
