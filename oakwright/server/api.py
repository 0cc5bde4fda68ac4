"""Our own JSON API, described by OpenAPI at /api/v1/openapi.json."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, HTTPException, Query, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from oakwright.errors import OakwrightError, UsageError

from .job import Job
from .models import find_model, model_name
from .parts import attachment, keep
from .request import JobRequest
from .service import Service, error_json, standing

LONGEST_WAIT_S = 30.0


class InputOptions(BaseModel):
    """What is done to an input, as in `oakwright convert`."""

    model_config = ConfigDict(extra="forbid")

    shape: Annotated[list[int], Field(max_length=8)] | None = None
    mean: float | list[float] | Literal["imagenet"] | None = None
    scale: float | list[float] | Literal["imagenet"] | None = None
    range: Literal["0..255", "0..1", "-1..1", "-0.5..0.5"] | None = None
    layout: str | None = Field(None, examples=["NHWC->NCHW"], max_length=20)
    color: str | None = Field(None, examples=["RGB->BGR"], max_length=20)
    reverse_channels: bool = False
    input_precision: Literal["U8", "FP16", "FP32", "I32"] | None = None


class Options(InputOptions):
    """Options of a conversion, as in `oakwright convert`; ``inputs`` speaks of single ones."""

    inputs: dict[str, InputOptions] | None = None
    outputs: list[str] | None = None
    shaves: int | Annotated[str, Field(max_length=80)] | None = Field(
        None, examples=[6, "4,6,8", "all"]
    )
    output_precision: Literal["FP16", "FP32"] | None = None
    stamp: str | None = Field(None, examples=["2022.1"])
    verify: Literal["auto", "full", "off"] | None = None


class Problem(BaseModel):
    """Why a request or a job failed: what, where, and what to try."""

    model_config = ConfigDict(extra="allow")

    kind: str
    message: str
    remedy: str = ""
    layer: str | None = None
    findings: list[dict[str, str]] = []


class JobView(BaseModel):
    """A job. ``progress``: steps that are over, with seconds. Times: seconds since 1970."""

    id: str
    name: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    files: list[str]
    progress: list[tuple[str, float]]
    created: float
    started: float | None
    finished: float | None
    attempts: int
    from_cache: bool
    error: Problem | None
    results: list[str] = Field(description="what /result gives: shaves of blobs, ir, manifest")


def view(job: Job) -> JobView:
    """A job as clients see it."""
    return JobView(
        id=job.id,
        name=job.name,
        state=job.state,  # type: ignore[arg-type]
        files=[file["name"] for file in job.request["files"]],
        progress=[(step, seconds) for step, seconds in job.steps],
        created=job.created,
        started=job.started,
        finished=job.finished,
        attempts=job.attempts,
        from_cache=job.from_cache,
        error=Problem(**job.error) if job.error else None,
        results=[*map(str, job.blobs), "ir", "manifest"] if job.result else [],
    )


def router(service: Service) -> APIRouter:
    """All routes below /api/v1."""
    routes = APIRouter(prefix="/api/v1", tags=["jobs"])
    wrong: dict[int | str, dict[str, Any]] = {400: {"model": Problem}, 404: {"model": Problem}}

    @routes.post("/jobs", status_code=202, responses=wrong, summary="Convert uploaded files")
    async def submit(
        files: Annotated[
            list[UploadFile] | None, File(description="the model, and what belongs to it")
        ] = None,
        model: Annotated[
            str, Form(description="instead of files: the id of a model that is here")
        ] = "",
        options: Annotated[str, Form(description="an Options object, as JSON")] = "{}",
        name: Annotated[str, Form(description="of the result; the model's unless said")] = "",
        no_cache: Annotated[bool, Form()] = False,
    ) -> JobView:
        asked = parse_options(options)
        if bool(model) == bool(files):
            raise UsageError(
                "give files or a model's id" + (", not both" if model else ""),
                remedy="files go in form fields named files (curl -F files=@model.onnx), an id in"
                " the field model",
                key="files",
            )

        def take() -> Job:
            if model:
                uploads = find_model(service.store, model)
            else:
                uploads = keep(service.store, files or [])
            own = name or model_name(uploads)
            request = JobRequest(name=own, files=uploads, options=asked, cache=not no_cache)
            return service.submit(request)

        return view(await run_in_threadpool(take))

    @routes.get("/jobs", summary="Jobs, the newest first")
    def jobs(
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[JobView]:
        return [view(job) for job in service.ledger.newest(state, limit)]

    @routes.get("/jobs/{job_id}", responses=wrong, summary="A job: state, progress, error")
    async def job(
        job_id: str,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="seconds")] = 0.0,
        steps: Annotated[int, Query(ge=0, description="answer once it has more steps")] = 0,
    ) -> JobView:
        current = await run_in_threadpool(service.job, job_id)
        if wait and current.is_open and len(current.steps) <= steps:
            await service.watch.until(job_id, steps, wait)
            current = await run_in_threadpool(service.job, job_id)
        return view(current)

    @routes.get("/jobs/{job_id}/result", responses=wrong, summary="A blob, the IR, the manifest")
    def result(
        job_id: str,
        what: Literal["blob", "ir", "manifest"] = "blob",
        shaves: Annotated[
            int | None, Query(description="which blob; the first unless said")
        ] = None,
    ) -> Response:
        one = service.job(job_id)
        if what == "manifest":
            return JSONResponse(service.manifest(one))
        if what == "ir":
            archive = service.result(one).as_zip()
            return attachment(archive, f"{one.name}.zip", "application/zip")
        blob, name = service.blob(one, shaves), one.blob_name(shaves)
        return attachment(blob, name, "application/octet-stream")

    @routes.delete("/jobs/{job_id}", responses=wrong, summary="Cancel a job")
    def cancel(job_id: str) -> JobView:
        service.job(job_id)
        if not service.ledger.cancel(job_id):
            raise HTTPException(409, "the job is over")
        return view(service.job(job_id))

    return routes


def answer(_: Any, error: Exception) -> JSONResponse:
    """A designed error as an answer."""
    assert isinstance(error, OakwrightError)
    if hasattr(error, "plain"):  # told by another process, with layer and findings
        return JSONResponse(error.plain, 400)
    status, headers = standing(error)
    return JSONResponse(error_json(error), status, headers)


def parse_options(text: str) -> dict[str, Any]:
    """An Options object out of JSON, as `JobRequest` takes it. Raises UsageError with the key."""
    try:
        return Options.model_validate_json(text).model_dump(exclude_none=True, exclude_unset=True)
    except ValidationError as error:
        raise _not_an_option(error.errors(include_url=False, include_input=False)[0]) from None


def _not_an_option(first: Mapping[str, Any]) -> UsageError:
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        model = InputOptions if first["loc"][0] == "inputs" else Options
        close = get_close_matches(str(first["loc"][-1]), model.model_fields, 1, 0.6)
        remedy = f"did you mean {close[0]}?" if close else f"one of {', '.join(model.model_fields)}"
        return UsageError(f"there is no option {place[:80]!a}", remedy=remedy, key=place)
    if first["type"] in ("json_invalid", "model_type", "model_attributes_type"):
        remedy = 'a JSON object, e.g. {"range": "0..1", "shaves": 6}'
        return UsageError(f"the options are no JSON object: {first['msg']}", remedy=remedy)
    return UsageError(f"{place[:80]}: {first['msg']}", remedy="/docs has all options", key=place)


def answer_invalid(_: Any, error: Exception) -> JSONResponse:
    """A request that is not as the description has it, in our form."""
    assert isinstance(error, RequestValidationError)
    rows = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5]]
    message = "; ".join(rows)[:1000] or "the request is not understood"
    body = {"kind": "UsageError", "message": message, "remedy": "/docs describes the requests"}
    return JSONResponse(body, 422)
