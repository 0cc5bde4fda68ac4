"""The JSON API, the page, health."""

import json

import numpy as np
import pytest

import oakwright

from .conftest import bad, run_blob, tiny


def test_upload_follow_result(server):
    answer = server.submit(
        ("a.onnx", tiny(2.0)), options=json.dumps({"shaves": "4,6", "range": "0..1"})
    )
    assert answer.status_code == 202
    job = server.finished(answer.json())
    assert (job["state"], job["name"], job["attempts"]) == ("done", "a", 1)
    assert job["results"] == ["4", "6", "ir", "manifest"]
    assert any("compiled" in step for step, _ in job["progress"])
    place = f"/api/v1/jobs/{job['id']}/result"
    for shaves in (4, 6):
        blob = server.get(place, params={"shaves": shaves})
        assert int.from_bytes(blob.content[100:104], "little") == shaves
        np.testing.assert_allclose(run_blob(blob.content, 102), 0.2, rtol=2e-3)
    manifest = server.get(place, params={"what": "manifest"}).json()
    assert manifest["source"]["path"] == "a.onnx"
    assert str(server.data) not in json.dumps(manifest)
    assert server.get(place, params={"what": "ir"}).content[:2] == b"PK"
    assert server.get(place, params={"shaves": 9}).status_code == 400


def test_the_same_again_is_answered_at_once_and_anything_else_is_not(server):
    first = server.finished(server.submit(("b.onnx", tiny(3.0))).json())
    again = server.submit(("b.onnx", tiny(3.0))).json()
    assert again["state"] == "done"
    assert again["from_cache"]
    for other in (
        server.submit(("b.onnx", tiny(5.0))),
        server.submit(("b.onnx", tiny(3.0)), options='{"shaves": 3}'),
        server.submit(("b.onnx", tiny(3.0)), no_cache="true"),
    ):
        assert not other.json()["from_cache"]
        assert server.finished(other.json())["state"] == "done"
    results = [server.get(f"/api/v1/jobs/{job['id']}/result").content for job in (first, again)]
    assert results[0] == results[1]


def test_a_refused_model_says_layer_reason_remedy(server):
    job = server.finished(server.submit(("bad.onnx", bad())).json())
    assert job["state"] == "failed"
    assert job["error"]["layer"] == "finder"
    assert job["error"]["remedy"]
    assert job["attempts"] == 1
    assert "finder" in json.dumps(job["error"]["findings"])
    answer = server.get(f"/api/v1/jobs/{job['id']}/result")
    assert answer.status_code == 400
    assert "failed" in answer.json()["message"]


def test_jobs_are_listed_newest_first_and_by_state(server):
    job = server.submit(("c.onnx", tiny(6.0))).json()
    server.finished(job)
    jobs = server.get("/api/v1/jobs").json()
    assert jobs[0]["id"] == job["id"]
    done = server.get("/api/v1/jobs", params={"state": "done", "limit": 1}).json()
    assert [one["state"] for one in done] == ["done"]


def test_a_finished_job_is_not_cancelled_and_strangers_are_404(server):
    job = server.finished(server.submit(("d.onnx", tiny(7.0))).json())
    assert server.session.delete(f"{server.url}/api/v1/jobs/{job['id']}").status_code == 409
    for path in ("/api/v1/jobs/nobody", "/api/v1/jobs/nobody/result", "/api/v1/jobs/..%2f..%2fx"):
        assert server.get(path).status_code == 404


def test_health_readiness_and_description(server):
    assert server.get("/healthz").json()["status"] == "ok"
    assert server.get("/readyz").json()["workers"] == 1
    described = server.get("/api/v1/openapi.json").json()
    assert {"/api/v1/jobs", "/api/v1/jobs/{job_id}/result", "/readyz"} <= set(described["paths"])
    assert "color" in described["components"]["schemas"].get("Options", {}).get(
        "properties", {"color": 0}
    )


@pytest.mark.parametrize("method", ["post", "delete"])
def test_pages_of_other_sites_may_not_write(server, method):
    call = getattr(server.session, method)
    answer = call(f"{server.url}/api/v1/jobs/x", headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("options", "said", "remedy"),
    [
        ('{"shaves": "1..99999999999"}', "1..99999999999", "4,6,8"),  # no list of so many is made
        ('{"shaves": "-99999999999..4"}', "-99999999999..4", "4,6,8"),
        ('{"shaves": "9..4"}', "9..4", "4,6,8"),
        ('{"shave": 4}', "no option 'shave'", "did you mean shaves?"),
        ('{"inputs": {"image": {"means": 1}}}', "inputs.image.means", "did you mean mean?"),
        ('{"colour of it": 1}', "no option", "shape, mean, scale"),
        ("range=0..1", "no JSON object", '{"range": "0..1"'),
        ('{"range": "0..2"}', "'0..1'", "/docs"),
        ('{"stamp": "2022.3"}', "2022.3", "2022.1"),
    ],
)
def test_options_that_make_no_sense_are_named(server, options, said, remedy):
    answer = server.submit(("x.onnx", tiny(2.0)), options=options)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert remedy in answer.json()["remedy"]


def test_head_is_get_without_a_body(server):
    for path in ("/", "/healthz", "/readyz", "/docs", "/page/main.js", "/api/v1/jobs", "/metrics"):
        answer = server.session.head(server.url + path, timeout=60)
        assert (answer.status_code, answer.content) == (200, b""), path
        assert answer.headers["Content-Type"] == server.get(path).headers["Content-Type"], path
    assert server.session.head(f"{server.url}/nowhere", timeout=60).status_code == 404
    assert server.session.head(f"{server.url}/compile", timeout=60).status_code == 400
    assert server.get("/healthz").json()["status"] == "ok"  # the connection is as it was


def test_requests_that_are_not_understood_say_what_to_do(server):
    wrong = server.post("/api/v1/jobs", files=[("file", ("x.onnx", tiny(2.0)))])
    assert (wrong.status_code, wrong.json()["kind"]) == (400, "UsageError")
    assert "files=@model.onnx" in wrong.json()["remedy"]
    both = server.post("/api/v1/jobs", files=[("files", ("x.onnx", b"x"))], data={"model": "0"})
    assert "not both" in both.json()["message"]
    for path, status in (
        ("/api/v1/jobs?state=odd", 422),
        ("/api/v1/jobs?limit=-1", 422),
        ("/api/v1/jobs/none", 404),
        ("/api/v1/jobs/none/events", 404),
        ("/api/v1/jobs/none/inspect", 404),
        ("/nowhere", 404),
    ):
        answer = server.get(path)
        assert answer.status_code == status, path
        assert {"kind", "message", "remedy"} <= set(answer.json()), path
        assert answer.json()["remedy"], path


def test_several_blobs_have_names_of_their_own(server):
    asked = '{"shaves": "2,1", "stamp": "2021.4"}'
    job = server.finished(server.submit(("many.onnx", tiny(7.0)), options=asked).json(), 240)
    assert job["results"] == ["1", "2", "ir", "manifest"], job
    place = f"/api/v1/jobs/{job['id']}"
    for shaves in (1, 2):
        answer = server.get(f"{place}/result?shaves={shaves}")
        assert f"filename=many_{shaves}shave.blob" in answer.headers["Content-Disposition"]
        blob = oakwright.Blob.from_bytes(answer.content)
        assert (blob.shaves, blob.version) == (shaves, "2021.4")
        shown = server.get(f"{place}/inspect?shaves={shaves}").json()
        assert shown["shaves"] == shaves
        assert f"many_{shaves}shave.blob" in shown["script"]
    first = server.get(f"{place}/result")
    assert "many_1shave.blob" in first.headers["Content-Disposition"]
    refused = server.get(f"{place}/result?shaves=9")
    assert (refused.status_code, refused.json()["remedy"]) == (400, "use one of 1, 2")
