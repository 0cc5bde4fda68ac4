"""The API's questions: models before a conversion, blobs after it, progress while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, File, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from oakwright.errors import UsageError

from ..api import Options, Problem, view
from ..child import place
from ..job import QueueDown
from ..models import find_model, keep_model, model_name
from ..parts import keep
from ..request import JobRequest, Upload
from ..service import Service
from .ask import Asker, lay

HEARTBEAT_S = 10.0
LONGEST_STREAM_S = 3600.0
_WAITING_S = 0.5


class ModelId(BaseModel):
    """An uploaded model. The same files have the same id."""

    id: str
    name: str
    files: list[str]
    bytes: int


class KnownModel(ModelId):
    """A job's model, and the options the job was asked with."""

    options: dict[str, Any]


class Tensor(BaseModel):
    """An input or output as the file has it; null for sizes it leaves open."""

    name: str
    type: str
    shape: list[int | None] | None


class ModelFacts(ModelId):
    """What a model is. ``operations``: how many of each; ``parts``: pages of its graph."""

    kind: str
    front_end: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    operations: dict[str, int]
    parameters: int
    macs: int
    layers: int
    parts: int
    notes: list[str]


class Question(BaseModel):
    """What a check is about: ``costs`` compiles the model, for what each layer will cost."""

    model_config = ConfigDict(extra="forbid")

    options: Options = Field(default_factory=lambda: Options.model_validate({}))
    costs: bool = False


class CheckAnswer(BaseModel):
    """``findings``: what the chip would refuse (error) or spoil (warning), layer by layer."""

    convertible: bool
    findings: list[dict[str, Any]]
    notes: list[str]
    rules: list[str] = Field(description="layers that are rewritten for the chip")
    performance: dict[str, Any] | None


class InputData(BaseModel):
    """``data``: base64 of the input's bytes; ``values`` U8: one byte an element, as pixels are."""

    model_config = ConfigDict(extra="forbid")

    data: str
    values: Literal["U8", "own"] = "own"


class Trial(BaseModel):
    """Inputs of a run by name. ``zeros``: what is not given is filled with zeros."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, InputData]
    shaves: int | None = None
    zeros: bool = False


def router(service: Service) -> APIRouter:
    """All routes, below /api/v1."""
    asker = Asker(service.settings)
    service.at_stop.append(asker.close)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        asker.close()

    routes = APIRouter(prefix="/api/v1", lifespan=life)
    wrong: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (400, 404, 429)}

    async def ask(
        work: str, files: tuple[Upload, ...], options: Mapping[str, Any], **more: Any
    ) -> dict[str, Any]:
        request = JobRequest(name=model_name(files), files=files, options=options)

        def bring(folder: Path) -> None:
            place(request, folder, service.store.path)

        asked = {"request": request.as_json(), **more}
        return await asker.ask(work, asked, bring, key=request.key)

    async def ask_blob(job_id: str, shaves: int | None, work: str, **more: Any) -> dict[str, Any]:
        job = await run_in_threadpool(service.job, job_id)
        digest = job.blobs[job.shaves(shaves)]

        def bring(folder: Path) -> None:
            lay(folder, {"model.blob": service.store.path(digest)})

        return await asker.ask(work, more, bring, key=digest)

    def model_id(files: tuple[Upload, ...], own: str) -> dict[str, Any]:
        size = sum(file.size for file in files)
        names = [file.name for file in files]
        return {"id": own, "name": model_name(files), "files": names, "bytes": size}

    @routes.post("/models", status_code=201, tags=["models"], responses=wrong)
    async def upload_model(files: Annotated[list[UploadFile], File()]) -> ModelId:
        """Keep a model's files, to ask about them and to convert them without another upload."""
        await run_in_threadpool(service.keeper.require_room, sum(f.size or 0 for f in files))
        uploads = await run_in_threadpool(keep, service.store, files)
        own = await run_in_threadpool(keep_model, service.store, uploads)
        return ModelId(**model_id(uploads, own))

    @routes.get("/models/{id}", tags=["models"], responses=wrong)
    async def model_facts(id: str) -> ModelFacts:
        """What a model is: inputs, outputs, operations."""
        files = await run_in_threadpool(find_model, service.store, id)
        answer = await ask("look", files, {})
        return ModelFacts(**{**answer["model"], **model_id(files, id)})

    @routes.get("/models/{id}/graph", tags=["models"], responses=wrong)
    async def model_graph(id: str, part: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        """One part of a model's graph, laid out: boxes and lines in pixels."""
        files = await run_in_threadpool(find_model, service.store, id)
        graph = (await ask("look", files, {}))["graph"]
        if part >= len(graph):
            raise UsageError(f"the graph has {len(graph)} parts, the first is 0", key="part")
        return dict(graph[part])

    @routes.post("/models/{id}/check", tags=["models"], responses=wrong)
    async def check_model(id: str, question: Question) -> CheckAnswer:
        """Pre-flight: every layer the chip would refuse; what the layers will cost."""
        files = await run_in_threadpool(find_model, service.store, id)
        said = question.options.model_dump(exclude_none=True, exclude_unset=True)
        settings = service.settings
        limits = {"timeout_s": settings.job_s, "memory_limit_mb": settings.memory_mb}
        answer = await ask("check", files, said, limits=limits, costs=question.costs)
        return CheckAnswer(**answer)

    @routes.get("/jobs/{job_id}/model", tags=["jobs"], responses=wrong)
    async def job_model(job_id: str) -> KnownModel:
        """The model of a job, to convert it again with other options."""
        job = await run_in_threadpool(service.job, job_id)
        request = JobRequest.from_json(job.request)
        if request.zoo or request.optimizer is not None:
            raise UsageError(
                "this job came by blobconverter's interface: its options are its own",
                remedy="send the model's files",
            )
        own = await run_in_threadpool(keep_model, service.store, request.files)
        return KnownModel(**model_id(request.files, own), options=dict(request.options))

    @routes.get(
        "/jobs/{job_id}/events",
        tags=["jobs"],
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, 404: {"model": Problem}},
    )
    async def job_events(job_id: str) -> StreamingResponse:
        """Progress as server-sent events: `job` with a job's view whenever it changed."""
        await run_in_threadpool(service.job, job_id)
        return StreamingResponse(
            _events(service, job_id),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    @routes.get("/jobs/{job_id}/inspect", tags=["jobs"], responses=wrong)
    async def inspect_blob(job_id: str, shaves: int | None = None) -> dict[str, Any]:
        """A job's blob: header, stages, memory over the program, the DepthAI script."""
        job = await run_in_threadpool(service.job, job_id)
        facts = await run_in_threadpool(service.manifest, job)
        inputs = facts.get("inputs") or [{}]
        color = inputs[0].get("color") or ["", "BGR"]
        frames = color[1] if color[1] in ("RGB", "BGR") else "BGR"
        name = job.blob_name(shaves)
        return await ask_blob(job_id, shaves, "inspect", file_name=name, frames=frames)

    @routes.post("/jobs/{job_id}/run", tags=["jobs"], responses=wrong)
    async def run_blob(job_id: str, trial: Trial) -> dict[str, Any]:
        """Run a job's blob once on the server's CPU; outputs as base64 of little-endian FP32."""
        inputs = {name: one.model_dump() for name, one in trial.inputs.items()}
        return await ask_blob(job_id, trial.shaves, "run", inputs=inputs, zeros=trial.zeros)

    return routes


async def _events(service: Service, job_id: str) -> AsyncIterator[str]:
    """A job until it is over; a comment now and then keeps proxies from hanging up."""
    shown, started = "", time.monotonic()
    spoken = started
    while time.monotonic() - started < LONGEST_STREAM_S:
        try:
            job = await run_in_threadpool(service.ledger.get, job_id)
        except KeyError:
            return  # forgotten meanwhile
        text = json.dumps(view(job).model_dump(mode="json"))
        now = time.monotonic()
        if text != shown:
            yield f"event: job\ndata: {text}\n\n"
            shown, spoken = text, now
        elif now - spoken > HEARTBEAT_S:
            yield ": still here\n\n"
            spoken = now
        if not job.is_open:
            return
        # That a job was begun is no step: one that waits is looked at again soon.
        seconds = HEARTBEAT_S if job.state == "running" else _WAITING_S
        try:
            await service.watch.until(job_id, len(job.steps), seconds)
        except QueueDown:
            return  # the listener comes again
