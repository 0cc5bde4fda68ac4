"""The JSON API, the page, health."""

import json

import numpy as np
import pytest

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
