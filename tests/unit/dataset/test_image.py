"""Pictures of every kind, as Pillow sees them."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from oakwright import dataset
from oakwright.dataset.image import turn_boxes
from oakwright.errors import DatasetError


@pytest.fixture
def colours():
    """uint8 RGB [48, 64, 3]: smooth, with no symmetry."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 3, y * 5, 255 - x - y], -1).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_exif_turns_a_picture_as_pillow_does(tmp_path, colours, orientation, suffix):
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colours).save(path, exif=exif, lossless=True, quality=95)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))[..., ::-1]
    found = dataset.read_image(path)
    header = dataset.read_header(path)
    assert (header.height, header.width) == found.shape[:2] == wanted.shape[:2]
    # Two JPEG decoders may differ by rounding; a wrong turn differs by a hundred.
    assert np.abs(found.astype(int) - wanted).max() <= (3 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_their_picture(tmp_path, orientation):
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[5:12, 20:50] = 255
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif)
    ((x0, y0, x1, y1),) = turn_boxes(np.array([[20, 5, 50, 12]]), dataset.read_header(path))
    upright = dataset.read_image(path)[..., 0]
    rows, columns = np.nonzero(upright)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_other_modes_are_bgr(tmp_path, colours, mode):
    picture = Image.fromarray(colours).convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture.save(path)
    wanted = np.asarray(Image.open(path).convert("RGB"))[..., ::-1].astype(int)
    found = dataset.read_image(path)
    assert found.dtype == np.uint8
    assert np.abs(found - wanted).max() <= (12 if mode == "CMYK" else 0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_keep_their_upper_eight(tmp_path, channels):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30, channels), np.uint16)
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), deep)
    upper = (deep >> 8).astype(np.uint8)[..., :3]
    wanted = np.repeat(upper, 3, -1) if channels == 1 else upper
    assert np.abs(dataset.read_image(path).astype(int) - wanted).max() <= 1


def test_a_stated_size_of_the_picture_as_stored_turns_the_boxes(tmp_path):
    import json

    stored = np.zeros((40, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif)
    for size, wanted in (((60, 40), [28, 20, 35, 50]), ((40, 60), [20, 5, 40, 12])):
        whole = {
            "images": [{"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 5, 30, 7]}],
            "categories": [{"id": 1, "name": "bar"}],
        }
        (tmp_path / "a.json").write_text(json.dumps(whole))
        (sample,) = dataset.read(tmp_path / "a.json").samples
        assert (sample.width, sample.height) == (40, 60)
        assert sample.boxes.tolist() == [wanted]


def png_that_claims(width, height):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot identify"),
        (b"hello", "cannot identify"),
        (png_that_claims(100_000, 100_000), "100000x100000|exceeds limit"),
        (png_that_claims(0, 7), "pixels|cannot identify"),
        (png_that_claims(20, 20), "damaged|truncated"),
    ],
)
def test_what_is_no_picture_is_said_so(tmp_path, content, said):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=said) as caught:
        dataset.read_image(path)
    assert caught.value.path == str(path)


def test_a_missing_picture_is_said_so(tmp_path):
    with pytest.raises(DatasetError, match="there is no such file"):
        dataset.read_image(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="cannot be read"):
        dataset.read_image(tmp_path)
