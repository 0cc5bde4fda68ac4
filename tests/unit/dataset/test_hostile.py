"""Whatever a file contains, reading it ends in findings or a designed error, and soon."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakwright import dataset
from oakwright.errors import OakwrightError
from tests.training_data import make_set

FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

number = st.one_of(
    st.integers(), st.floats(), st.just(10**400), st.booleans(), st.none(), st.text(max_size=3)
)
odd = st.recursive(
    number,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("scenes"), pictures=3)


@FEW
@given(data=st.data())
def test_coco_with_anything_in_any_place(scenes, tmp_path, data):
    file, root = scenes
    whole = json.loads(file.read_text())
    for _ in range(data.draw(st.integers(1, 4))):
        section = data.draw(st.sampled_from(["images", "annotations", "categories"]))
        if not isinstance(whole[section], list) or not whole[section]:
            continue
        if data.draw(st.integers(0, 15)) == 0:
            whole[section] = data.draw(odd)
            continue
        entry = data.draw(st.sampled_from(whole[section]))
        if isinstance(entry, dict):
            entry[data.draw(st.sampled_from(sorted(entry) or ["id"]))] = data.draw(odd)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(whole))
    found, findings = dataset.survey(changed, root)
    for finding in findings:
        assert finding.file
        assert finding.text
    for sample in found.samples:
        assert (sample.boxes >= 0).all()
        assert (sample.boxes[:, 2] <= sample.width).all()
        assert (sample.boxes[:, 3] <= sample.height).all()
        assert ((sample.labels >= 0) & (sample.labels < len(found.classes))).all()
        assert (sample.areas > 0).all()


@FEW
@given(
    text=st.one_of(
        st.text(max_size=200),
        st.text(alphabet='<>/&;!"= abcxml[]', max_size=120).map(lambda t: f"<annotation>{t}"),
        st.text(alphabet="{}[]:,-&*!|> \nab1.", max_size=120).map(lambda t: f"names: {t}"),
        st.text(alphabet="0123456789.-e \n", max_size=80),
    ),
    kind=st.sampled_from(["json", "xml", "yaml", "txt"]),
)
def test_any_text_is_refused_politely(scenes, tmp_path, text, kind):
    folder = tmp_path / "x"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    picture = folder / "images" / "a.png"
    picture.write_bytes(next(scenes[1].iterdir()).read_bytes())
    yaml = folder / "data.yaml"
    yaml.write_text("train: images\nnames: [a, b]\n")
    file = {"json": folder / "a.json", "xml": folder / "a.xml", "yaml": yaml,
            "txt": folder / "labels" / "a.txt"}[kind]  # fmt: skip
    file.write_text(text, errors="replace")
    named = {"json": file, "xml": folder, "yaml": f"{yaml}:train", "txt": f"{yaml}:train"}[kind]
    with contextlib.suppress(OakwrightError):  # anything else is a failure
        dataset.survey(named)
    for each in folder.glob("*.*"):
        each.unlink()
    for each in (folder / "labels").iterdir():
        each.unlink()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100, b"\xef\xbb\xbf[]"])
@pytest.mark.parametrize("name", ["a.json", "a.xml", "data.yaml"])
def test_bytes_that_are_no_text(tmp_path, content, name):
    file = tmp_path / name
    file.write_bytes(content)
    _, findings = dataset.survey(tmp_path if name == "a.xml" else file)
    assert [finding.is_error for finding in findings] == [True]
    assert findings[0].file == str(file)


def test_a_link_to_nowhere_and_a_folder_are_no_files(tmp_path):
    (tmp_path / "a.json").symlink_to(tmp_path / "b.json")
    (tmp_path / "c.json").mkdir()
    (tmp_path / "c.json" / "x").touch()
    for name in ("a.json", "c.json", "d.json"):
        _, findings = dataset.survey(str(tmp_path / name))
        assert len(findings) == 1
        assert findings[0].is_error
