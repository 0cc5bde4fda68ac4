"""Some of bench/scripts, run side by side and alone: the same bits (the bench runs all)."""

import shutil
from pathlib import Path

import pytest

from bench.device_determinism import SCRIPTS, make_networks, run

ROOT = Path(__file__).parents[2]
CHOSEN = ("host_threads", "network", "manip_configs", "sync_demux")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for source, name in (("blur--6", "blur"), ("arithmetic--4", "arithmetic")):
        shutil.copyfile(
            ROOT / "tests" / "corpus" / "blobs" / f"{source}.blob", folder / f"{name}.blob"
        )
    return folder


@pytest.mark.parametrize("name", CHOSEN)
def test_a_script_is_the_same_bits_side_by_side_and_alone(name, models):
    side_by_side = run(SCRIPTS / f"{name}.py", models, 0.4, runs=2, jobs=3)
    assert side_by_side.is_good, side_by_side
    alone = run(SCRIPTS / f"{name}.py", models, 0.4, runs=1)
    assert alone.digests[0] == side_by_side.digests[0]


def test_every_script_of_the_bench_is_there_and_compiles():
    scripts = [p for p in SCRIPTS.glob("*.py") if not p.name.startswith("_")]
    assert len(scripts) >= 20
    for script in scripts:
        compile(script.read_text(), str(script), "exec")


def test_networks_are_made_for_the_scripts(tmp_path):
    make_networks(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        "blur.blob",
        "arithmetic.blob",
        "ssd.blob",
        "yolo.blob",
    }
