"""The HTTP API fuzzed from its own description by schemathesis: no answer but a described one."""

import pytest

from .conftest import tiny

schemathesis = pytest.importorskip("schemathesis", reason="it needs Python 3.11 and the dev extra")
hypothesis = pytest.importorskip("hypothesis")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schema(server):
    server.finished(server.submit(("seen.onnx", tiny(2.0))).json())
    return schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")


def test_no_request_makes_the_server_fail(schema, server):
    """No 5xx but 503 and 507, no hang, errors of our form for every operation; and it lives."""
    asked = 0

    def ask(case):
        nonlocal asked
        asked += 1
        answer = case.call(timeout=120, session=server.session)
        where = f"{case.method} {case.formatted_path}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500 or answer.status_code in (503, 507), where
        if answer.status_code >= 400 and "json" in answer.headers.get("content-type", ""):
            assert {"message", "detail", "ready"} & set(answer.json()), where
        assert "Traceback" not in answer.text, where

    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        hypothesis.settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )(hypothesis.given(operation.as_strategy())(ask))()
        assert server.get("/healthz").status_code == 200, operation.label
    assert len(operations) >= 10
    assert asked >= 5 * len(operations)
