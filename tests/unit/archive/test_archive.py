"""NN Archives and superblobs: written, read, and hostile ones refused."""

import io
import json
import lzma
import tarfile

import pytest

from oakwright.archive import (
    ArchiveConfig,
    ArchiveInput,
    ArchiveOutput,
    Preprocessing,
    classification_head,
    default_layout,
    make_superblob,
    read_archive,
    read_config,
    read_superblob,
    ssd_head,
    write_archive,
    yolo_head,
)
from oakwright.errors import UnreadableModel, UsageError


def config(*heads, outputs=("scores",)):
    image = ArchiveInput(
        "image", "uint8", "image", (1, 3, 8, 8), "NCHW",
        Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), dai_type="BGR888p"),
    )  # fmt: skip
    ends = tuple(ArchiveOutput(name, "float16", (1, 2), "NC") for name in outputs)
    return ArchiveConfig("small", "small.blob", (image,), ends, heads, "float16")


HEADS = {
    "none": (),
    "classification": (classification_head(["a", "b"], "scores", is_softmax=True),),
    "ssd": (ssd_head(["background", "a"], "scores"),),
    "yolo": (yolo_head(["a"], ["scores"], subtype="yolov5", strides=[8], anchors=[[[10, 13]]]),),
    "yolo without anchors": (yolo_head(["a"], ["scores"], subtype="yolov6r2", strides=[8]),),
}


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2"])
@pytest.mark.parametrize("heads", HEADS)
def test_what_is_written_is_read(heads, suffix, tmp_path):
    wanted = config(*HEADS[heads])
    path = write_archive(tmp_path / f"a.tar.{suffix}", wanted, {"small.blob": b"x" * 1000})
    found = read_archive(path)
    assert found.config == wanted
    assert found.model == b"x" * 1000
    first = path.read_bytes()
    assert write_archive(path, wanted, {"small.blob": b"x" * 1000}).read_bytes() == first
    assert found.extract(tmp_path / "out").read_bytes() == b"x" * 1000


def tar_of(*members, config_text=None):
    """An .tar.xz of (TarInfo changes, data) pairs beside a config.json."""
    buffer = io.BytesIO()
    text = config_text if config_text is not None else json.dumps(config().as_json())
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data, changes in (("config.json", text.encode(), {}), *members):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for key, value in changes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return lzma.compress(buffer.getvalue())


BLOB = ("small.blob", b"x", {})
HOSTILE = {
    "upwards": ([("../evil", b"x", {}), BLOB], "of the name"),
    "absolute": ([("/etc/evil", b"x", {}), BLOB], "of the name"),
    "symbolic link": (
        [("small.blob", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})],
        "no plain file",
    ),
    "hard link": (
        [BLOB, ("b", b"", {"type": tarfile.LNKTYPE, "linkname": "small.blob"})],
        "no plain file",
    ),
    "device": ([BLOB, ("b", b"", {"type": tarfile.CHRTYPE})], "no plain file"),
    "fifo": ([BLOB, ("b", b"", {"type": tarfile.FIFOTYPE})], "no plain file"),
    "twice": ([BLOB, BLOB], "twice"),
    "twice by dots": ([BLOB, ("./small.blob", b"y", {})], "twice"),
    "too many": ([BLOB, *((f"f{i}", b"", {}) for i in range(80))], "more than 64"),
    "no model": ([], "not in it"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_members_are_refused(name, tmp_path):
    members, message = HOSTILE[name]
    (tmp_path / "a.tar.xz").write_bytes(tar_of(*members))
    with pytest.raises(UnreadableModel, match=message):
        read_archive(tmp_path / "a.tar.xz")


def test_a_bomb_ends_at_the_bound(tmp_path):
    path = tmp_path / "a.tar.xz"
    path.write_bytes(tar_of(("small.blob", bytes(8 << 20), {})))
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableModel, match="larger than 4 MiB"):
        read_archive(path, largest=4 << 20)
    # A name of 8 MiB, which tarfile would read in one piece.
    path.write_bytes(tar_of(("n" * (8 << 20), b"", {})))
    with pytest.raises(UnreadableModel, match="larger than 4 MiB"):
        read_archive(path, largest=4 << 20)
    with pytest.raises(UnreadableModel, match="of the name"):
        read_archive(path)


def test_damage_is_one_error(tmp_path):
    path = tmp_path / "a.tar.xz"
    whole = tar_of(BLOB)
    for cut in (0, 5, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(UnreadableModel):
            read_archive(path)
    plain = lzma.decompress(whole)
    for cut in (100, 513, 1100):
        path.write_bytes(lzma.compress(plain[:cut]))
        with pytest.raises(UnreadableModel):
            read_archive(path)
    with pytest.raises(UnreadableModel, match="cannot be unpacked"):
        read_archive(tmp_path / "absent.tar.xz")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda t: t.update(more=1), "more"),
        (lambda t: t.update(config_version="one"), "config_version"),
        (lambda t: t["model"].pop("metadata"), "model.metadata"),
        (lambda t: t["model"]["inputs"][0].update(dtype="float"), "model.inputs[0].dtype"),
        (lambda t: t["model"]["inputs"][0].update(layout="NCHC"), "model.inputs[0].layout"),
        (lambda t: t["model"]["inputs"][0].update(layout="CNHW"), "model.inputs[0].layout"),
        (lambda t: t["model"]["inputs"][0].update(layout="NDHW"), "model.inputs[0].layout"),
        (lambda t: t["model"]["inputs"][0].update(shape=[1, "3"]), "model.inputs[0].shape"),
        (lambda t: t["model"]["inputs"][0]["preprocessing"].update(mean="0"),
         "model.inputs[0].preprocessing.mean"),
        (lambda t: t["model"]["outputs"][0].update(extra=1), "model.outputs[0].extra"),
        (lambda t: t["model"].update(heads=[{"metadata": {}}]), "model.heads[0].parser"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(change, place):
    tree = config().as_json()
    change(tree)
    with pytest.raises(UnreadableModel) as caught:
        read_config(json.dumps(tree))
    assert caught.value.field == place


def test_layouts_nobody_named():
    assert default_layout([1, 3, 256, 256]) == "NCHW"
    assert default_layout([1, 256, 256, 3]) == "NHWC"
    assert default_layout([3, 20, 30]) == "CHW"
    assert default_layout([1, 19, 7, 8]) == "NCDE"
    assert default_layout([1000]) == "C"


def test_superblobs_give_back_every_blob():
    pytest.importorskip("bsdiff4")
    base = bytes(range(256)) * 8
    blobs = {n: base[: 900 + n] + bytes([n]) * n + base[900:] for n in range(1, 17)}
    data = make_superblob(blobs)
    assert all(read_superblob(data, n) == blobs[n] for n in blobs)
    assert len(data) < 3 * len(base)
    with pytest.raises(UsageError, match=r"\[3\]"):
        make_superblob({n: b for n, b in blobs.items() if n != 3})
    with pytest.raises(UsageError, match="1 to 16"):
        read_superblob(data, 17)
    for cut in (0, 100, 136, len(data) - 1):
        with pytest.raises(UnreadableModel):
            read_superblob(data[:cut], 4)
    patch = data.index(b"BSDIFF40")
    huge = data[: patch + 24] + (1 << 60).to_bytes(8, "little") + data[patch + 32 :]
    with pytest.raises(UnreadableModel, match="too large"):
        read_superblob(huge, 1)
    torn = data[: patch + 40] + b"\0" * 20 + data[patch + 60 :]
    with pytest.raises(UnreadableModel, match="damaged"):
        read_superblob(torn, 1)
