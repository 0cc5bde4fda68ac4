"""Questions about models and blobs: answered by a process beside the server, within bounds."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .conftest import bad, tiny


def upload(server, *files):
    answer = server.post("/api/v1/models", files=[("files", f) for f in files])
    assert answer.status_code == 201, answer.text
    return answer.json()


def done(server, *files, **options):
    job = server.finished(server.submit(*files, options=json.dumps(options)).json())
    assert job["state"] == "done", job["error"]
    return f"/api/v1/jobs/{job['id']}"


def test_a_model_is_looked_at_and_converted_from_one_upload(server):
    made = upload(server, ("look.onnx", tiny(2.5)))
    assert made["name"] == "look"
    assert upload(server, ("look.onnx", tiny(2.5)))["id"] == made["id"]
    place = f"/api/v1/models/{made['id']}"
    facts = server.get(place).json()
    assert facts["inputs"] == [{"name": "image", "type": "f32", "shape": [1, 3, 8, 8]}]
    assert facts["operations"] == {"Divide-1": 1}
    assert (facts["parameters"], facts["parts"], facts["layers"]) == (1, 1, 3)
    graph = server.get(f"{place}/graph").json()
    assert [box["family"] for box in graph["boxes"]] == ["port", "arithmetic", "port"]
    assert [(line["source"], line["target"]) for line in graph["lines"]] == [(0, 1), (1, 2)]
    assert server.get(f"{place}/graph", params={"part": 1}).status_code == 400
    answer = server.post("/api/v1/jobs", data={"model": made["id"], "options": '{"shaves": 5}'})
    job = server.finished(answer.json())
    assert (job["state"], job["name"], job["results"][0]) == ("done", "look", "5")
    known = server.get(f"/api/v1/jobs/{job['id']}/model").json()
    assert known == {**made, "options": {"shaves": 5}}


def test_a_check_names_every_layer_and_costs_are_those_of_the_check_command(server, tmp_path):
    place = f"/api/v1/models/{upload(server, ('bad.onnx', bad()))['id']}/check"
    answer = server.post(place, json={}).json()
    assert not answer["convertible"]
    assert [row["layer"] for row in answer["findings"]] == ["finder"]
    assert answer["findings"][0]["remedy"]
    (tmp_path / "good.onnx").write_bytes(tiny(3.5))
    place = f"/api/v1/models/{upload(server, ('good.onnx', tiny(3.5)))['id']}/check"
    asked = {"options": {"mean": 10, "shaves": 4}, "costs": True}
    found = server.post(place, json=asked).json()
    assert found["convertible"]
    command = [sys.executable, "-m", "oakwright", "check", "good.onnx", "--mean", "10"]
    command += ["--shaves", "4", "--performance", "--json"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    wanted = json.loads(said.stdout)
    assert found["performance"] == wanted["performance"]
    assert found["notes"] == wanted["notes"]
    wrong = server.post(place, json={"options": {"mean": [1, 2]}})
    assert wrong.status_code == 400
    assert "mean" in wrong.json()["message"]
    assert str(server.data) not in wrong.text


def test_a_blob_is_inspected_as_the_command_line_does(server, tmp_path):
    import oakwright
    from oakwright.blob import stage_rows, summary_rows

    place = done(server, ("seen.onnx", tiny(4.5)), shaves="4,6", color="RGB->RGB")
    found = server.get(f"{place}/inspect", params={"shaves": 6}).json()
    blob = oakwright.Blob.from_bytes(server.get(f"{place}/result?shaves=6").content)
    assert found["summary"] == [list(row) for row in summary_rows(blob)]
    assert [row["type"] for row in found["stages"]] == [row.type for row in stage_rows(blob)]
    assert found["inputs"][0]["picture"] == {
        "channels": 3, "height": 8, "width": 8, "layout": "NCHW",
    }  # fmt: skip
    assert "ColorOrder.RGB" in found["script"]
    assert server.get(f"{place}/inspect", params={"shaves": 5}).status_code == 400


def test_a_run_gives_what_the_blob_gives(server):
    place = done(server, ("run.onnx", tiny(2.0)), input_precision="U8")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 3, 8, 8), np.uint8)
    data = base64.b64encode(pixels.tobytes()).decode()
    answer = server.post(f"{place}/run", json={"inputs": {"image": {"data": data}}}).json()
    (out,) = answer["outputs"]
    values = np.frombuffer(base64.b64decode(out["values"]), "<f4").reshape(out["shape"])
    np.testing.assert_allclose(values, pixels / 2.0, rtol=1e-3)
    assert out["max"] == pytest.approx(values.max())
    zeros = server.post(f"{place}/run", json={"inputs": {}, "zeros": True}).json()
    assert zeros["outputs"][0]["max"] == 0.0
    for wrong, word in (
        ({"inputs": {"image": {"data": "###"}}}, "base64"),
        ({"inputs": {"image": {"data": data}}, "shaves": 9}, "shaves"),
    ):
        refused = server.post(f"{place}/run", json=wrong)
        assert refused.status_code == 400
        assert word in refused.json()["message"]


def test_inputs_that_do_not_fit_are_refused_by_name(half, tmp_path, own_cache):
    import oakwright
    from oakwright.errors import UsageError
    from oakwright.server.preview.works import run

    made = oakwright.convert(half, input_precision="U8")
    (tmp_path / "model.blob").write_bytes(made.blob.data)
    data = base64.b64encode(bytes(192)).decode()
    for inputs, word in (
        ({}, "nothing is given for input 'image'"),
        ({"other": {"data": data, "values": "own"}}, "no input 'other'"),
        ({"image": {"data": data[:-8], "values": "U8"}}, "takes 192 bytes, 186 were given"),
    ):
        with pytest.raises(UsageError, match=word):
            run({"inputs": inputs, "zeros": False}, tmp_path)
    given = {"image": {"data": data, "values": "own"}}
    assert run({"inputs": given, "zeros": False}, tmp_path)["outputs"][0]["max"] == 0.0


def test_progress_is_told_until_the_end(server):
    job = server.submit(("told.onnx", tiny(8.5)), no_cache="true").json()
    answer = server.get(f"/api/v1/jobs/{job['id']}/events", stream=True)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [
        json.loads(line[len("data: ") :])
        for line in answer.iter_lines(decode_unicode=True)
        if line.startswith("data: ")
    ]
    assert events[-1]["state"] == "done"
    counts = [len(event["progress"]) for event in events]
    assert counts == sorted(counts)
    assert counts[-1] >= 3
    assert server.get("/api/v1/jobs/nobody/events").status_code == 404


def test_what_is_no_model_is_refused_with_its_reason(server):
    for files, word in (
        ([("x.bin", b"1")], "no model"),
        ([("a.onnx", b"1"), ("b.onnx", b"2")], "more than one"),
        ([("../a.onnx", b"1")], "refused"),
    ):
        answer = server.post("/api/v1/models", files=[("files", f) for f in files])
        assert answer.status_code == 400
        assert word in answer.json()["message"]
    junk = upload(server, ("junk.onnx", b"\x08\x07nonsense"))
    answer = server.get(f"/api/v1/models/{junk['id']}")
    assert answer.status_code == 400
    assert answer.json()["kind"] == "UnreadableModel"
    assert str(server.data) not in answer.text
    for name in ("nobody", "0" * 64, "..%2f..%2fetc"):
        assert server.get(f"/api/v1/models/{name}").status_code in (400, 404)
    # A file that claims to be a model's record, of files nobody sent, is none.
    record = {"kind": "oakwright model 1", "files": [["../../etc/passwd.onnx", "0" * 64, 1]]}
    forged = upload(server, ("forged.onnx", json.dumps(record, sort_keys=True).encode()))
    import hashlib

    own = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    assert forged["id"] != own
    assert server.get(f"/api/v1/models/{own}").status_code == 400


# Less memory than loading OpenVINO takes: where it ends is chance, that it ends is not.
@pytest.mark.parametrize(
    ("seconds", "memory", "kinds"),
    [(0.05, 4096, {"TimeOut"}), (100.0, 60, {"OutOfMemory", "Crashed", "ImportError"})],
)
def test_a_question_that_takes_too_much_ends_and_the_next_is_answered(
    tmp_path, seconds, memory, kinds
):
    import asyncio

    from oakwright.server.preview.ask import Asker, Refused, lay
    from oakwright.server.request import JobRequest, Upload
    from oakwright.server.settings import Settings

    settings = Settings(data=tmp_path, memory_mb=memory)
    (tmp_path / "m.onnx").write_bytes(tiny(2.0))
    asked = {"request": JobRequest("m", (Upload("m.onnx", "0" * 64, 1),)).as_json()}
    places: list[Path] = []

    def bring(folder):
        places.append(folder)
        lay(folder, {"m.onnx": tmp_path / "m.onnx"})

    async def go():
        asker = Asker(settings)
        asker.seconds = seconds
        with pytest.raises(Refused) as caught:
            await asker.ask("look", asked, bring, key="k")
        asker.settings, asker.seconds = Settings(data=tmp_path), 120.0
        answer = await asker.ask("look", asked, bring, key="k")
        assert answer is await asker.ask("look", asked, bring, key="k")
        return caught.value, answer

    error, answer = asyncio.run(go())
    assert error.plain["kind"] in kinds
    assert answer["model"]["layers"] == 3
    assert len(places) == 2  # the third was known
    assert not any(place.exists() for place in places)


def test_a_server_that_stops_waits_for_no_answer(tmp_path):
    import asyncio
    import os
    import signal

    from oakwright.server.preview.ask import Asker, Refused, lay
    from oakwright.server.request import JobRequest, Upload
    from oakwright.server.settings import Settings

    (tmp_path / "m.onnx").write_bytes(tiny(2.0))
    asked = {"request": JobRequest("m", (Upload("m.onnx", "0" * 64, 1),)).as_json()}

    def bring(folder):
        lay(folder, {"m.onnx": tmp_path / "m.onnx"})

    async def go():
        asker = Asker(Settings(data=tmp_path))
        task = asyncio.create_task(asker.ask("look", asked, bring))
        while not asker._processes:
            await asyncio.sleep(0.01)
        for process in asker._processes:
            os.kill(process.pid, signal.SIGSTOP)  # it would never answer
        asker.close()
        with pytest.raises(Refused):
            await asyncio.wait_for(task, 60)
        with pytest.raises(Refused, match="stops"):
            await asker.ask("look", asked, bring)

    asyncio.run(go())
