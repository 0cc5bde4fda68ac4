"""``auto``: a real camera if there is one, the virtual one otherwise; said either way."""

import textwrap
from types import SimpleNamespace

import depthai as dai
import pytest

from oakwright.device import Settings, VirtualOak, run_script

pytestmark = pytest.mark.real_time

# Stands for a plugged-in camera: the real library's discovery says so, its Device says it is used.
PLUGGED_IN = """
import depthai, types
class Device:
    Config = depthai.Device.Config
    @staticmethod
    def getAllAvailableDevices():
        return [types.SimpleNamespace(mxid="184430105119CE0F00")]
    def getMxId(self):
        return "the real one"
depthai.Device = Device
"""


@pytest.fixture
def discovery(monkeypatch):
    found, real = [], dai.Device
    fake = SimpleNamespace(getAllAvailableDevices=lambda: found)
    monkeypatch.setattr(dai, "Device", fake)
    assert real is not fake
    return found


def test_a_real_camera_is_used_untouched(discovery, capfd):
    discovery.append(SimpleNamespace(mxid="184430105119CE0F00"))
    plain = dai.Device
    with VirtualOak(auto=True, deterministic=True) as oak:
        assert dai.Device is plain
    assert oak.real_cameras == oak.report()["real_cameras"] == ["184430105119CE0F00"]
    assert oak.digest is None
    said = "camera: a real one, 184430105119CE0F00; nothing is simulated\n"
    assert capfd.readouterr().err == said
    # The next one may be virtual again.
    with VirtualOak():
        assert dai.Device is not plain


def test_without_one_the_virtual_camera_is_used(discovery, capfd):
    with VirtualOak(auto=True, board="OAK-1") as oak:
        assert dai.Device.getAllAvailableDevices()[0].mxid.startswith("14442C")
        assert oak.report()["board"] == "OAK-1"
    assert oak.real_cameras == []
    assert capfd.readouterr().err == "camera: no real one was found, so a virtual OAK-1\n"


def test_nothing_is_looked_for_unasked(discovery, monkeypatch):
    monkeypatch.setattr(dai.Device, "getAllAvailableDevices", lambda: 1 / 0)
    with VirtualOak():
        pass


@pytest.mark.parametrize(("is_plugged_in", "seen"), [(True, "the real one"), (False, "14442C")])
def test_the_runner_and_the_scripts_children_have_the_same_camera(
    tmp_path, monkeypatch, is_plugged_in, seen
):
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(PLUGGED_IN) if is_plugged_in else "")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    script = tmp_path / "script.py"
    script.write_text(
        "import depthai, subprocess, sys\n"
        "print('script', depthai.Device().getMxId(), flush=True)\n"
        "child = 'import depthai; print(\"child\", depthai.Device().getMxId())'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )
    result = run_script(script, (), Settings(), limit_s=60, capture=True, auto=True)
    output = result.report["output"]
    assert result.is_clean, output
    assert f"script {seen}" in output
    assert f"child {seen}" in output
    assert ("camera: a real one" in output) is is_plugged_in
    assert ("camera: no real one was found" in output) is not is_plugged_in
