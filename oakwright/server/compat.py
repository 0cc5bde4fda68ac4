"""blobconverter's HTTP API: /compile and /zoo_models, as its client and scripts use them.

Apart from upstream: ``dry`` and ``no_cache`` work (the client sends Python's ``True``), nothing
is downloaded on a client's word, and errors carry ours besides (kind, layer, remedy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import yaml
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, PlainTextResponse, Response

from oakwright import conversion
from oakwright.errors import OakwrightError, UnreadableModel, UsageError

from .fetch import Wanted
from .job import Job
from .parts import attachment, keep
from .request import JobRequest, Upload, pick_model
from .service import Service, error_json, plain_error, standing

_LONGEST_CONFIG = 1 << 18
_KEPT_CONFIG = 1 << 12
_MOST_FILES = 64


def router(service: Service) -> APIRouter:
    """The two routes."""
    routes = APIRouter(tags=["blobconverter"])

    @routes.api_route("/compile", methods=["GET", "POST"], include_in_schema=False)
    async def compile_route(request: Request) -> Response:
        async with request.form(max_files=16, max_fields=64) as form:
            return await _compile(service, request.query_params, form)

    @routes.get("/zoo_models", summary="Models of the zoo folders, as blobconverter lists them")
    def zoo_models(version: str = "2022.1", zoo_type: str = "intel") -> dict[str, Any]:
        return {"version": "2", "available": service.zoo_models(zoo_type), "unavailable": []}

    return routes


@dataclass(frozen=True)
class _Asked:
    """A request that was read: its files, those still to be fetched, all else of it."""

    files: tuple[Upload, ...]
    elsewhere: tuple[Wanted, ...]
    others: Mapping[str, Any]
    is_dry: bool


async def _compile(service: Service, query: Mapping[str, str], form: FormData) -> Response:
    if not _text(form, "name"):
        return PlainTextResponse('Parameter "name" is empty!', 400)
    try:
        # Reading, keeping and a known answer in one go: each way to a thread and back takes time.
        begun = await run_in_threadpool(_begin, service, query, form)
        if isinstance(begun, _Asked):
            fetched = [await service.fetched(wanted) for wanted in begun.elsewhere]
            asked = replace(begun, files=(*begun.files, *fetched))
            begun = await run_in_threadpool(_take, service, asked)
        if isinstance(begun, Response):
            return begun
        job, blob = begun
        if job.is_open:
            await service.watch.until(job.id)
            try:
                job = await run_in_threadpool(service.ledger.get, job.id)
            except KeyError:
                lost = {"kind": "Lost", "message": "the job is gone", "remedy": "send it again"}
                return _failure(lost, 503, job.id)
        if job.result is None:
            return _failure(plain_error(job), 400, job.id)
        stamp = {"X-HASH": job.key, "X-Job": job.id}
        if _is_true(_text(form, "download_ir")):
            archive = await run_in_threadpool(lambda: service.result(job).as_zip())
            return attachment(archive, f"{job.name}.zip", "application/octet-stream", **stamp)
        if blob is None:
            blob = await run_in_threadpool(service.blob, job)
        return attachment(blob, f"{job.name}.blob", "application/octet-stream", **stamp)
    except OakwrightError as error:
        status, headers = standing(error)
        answer = _failure(error_json(error), status)
        answer.headers.update(headers)
        return answer


def _begin(
    service: Service, query: Mapping[str, str], form: FormData
) -> Response | _Asked | tuple[Job, bytes | None]:
    """Read a request and keep its files; take it where nothing is left to be fetched."""
    name, version = _text(form, "name"), query.get("version", "2022.1")
    if version not in conversion.STAMPS:
        raise UsageError(
            f"version {version[:40]} is not for the Myriad X",
            remedy=f"use one of {', '.join(v for v in conversion.STAMPS if v != '6.0')}",
        )
    others: dict[str, Any] = {
        "name": name,
        "stamp": version,
        "shaves": _whole(_text(form, "myriad_shaves") or "6"),
        "compiling": _text(form, "myriad_params_advanced", "-ip U8"),
        "cache": not _is_true(query.get("no_cache")),
    }
    is_dry = _is_true(query.get("dry"))
    if _is_true(_text(form, "use_zoo")) and "config" not in form:
        try:
            service.shelf().find(name)
        except UnreadableModel:
            return PlainTextResponse(f"Model {name[:100]} not found in model zoo", 400)
        # Model Optimizer's arguments stand in the model's description.
        return _take(service, _Asked((), (), {**others, "zoo": name, "optimizer": ()}, is_dry))
    found = form.get("config")
    if not isinstance(found, UploadFile):
        return PlainTextResponse('File named "config" must be present in the request form', 400)
    config = read_config(found.file.read(_LONGEST_CONFIG + 1))
    files = [
        file for key, file in form.multi_items() if isinstance(file, UploadFile) and key != "config"
    ]
    elsewhere = _not_sent(config, [file.filename or "" for file in files])
    words = (*config["model_optimizer_args"], f"--data_type={_data_type(form)}")
    asked = _Asked(
        keep(service.store, files), tuple(elsewhere), {**others, "optimizer": words}, is_dry
    )
    return asked if elsewhere else _take(service, asked)


def _take(service: Service, asked: _Asked) -> Response | tuple[Job, bytes | None]:
    """The job of a request whose files are all here, and its blob where that is known."""
    request = JobRequest(files=asked.files, **asked.others)
    if asked.is_dry:
        return JSONResponse(_dry(request))
    job = service.submit(request)
    return job, service.blob(job) if job.result is not None else None


def read_config(content: bytes) -> dict[str, Any]:
    """The description that comes with an upload: ``files`` and ``model_optimizer_args``.

    Raises UsageError for what is no such description.
    """
    # Scripts send the same again and again, and reading YAML takes longer than all else of a hit.
    read = _read_again if len(content) <= _KEPT_CONFIG else _read_config
    files, words = read(content)
    return {"files": [*files], "model_optimizer_args": [*words]}


def _read_config(content: bytes) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    try:
        if len(content) > _LONGEST_CONFIG:
            raise ValueError("it is too long")
        tree = yaml.safe_load(content.decode())
        files, words = tree["files"], tree.get("model_optimizer_args") or []
        if not isinstance(files, list) or len(files) > _MOST_FILES:
            raise ValueError("files is no list, or too long a one")
        wanted = [Wanted.of(file) for file in files]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("model_optimizer_args is no list of texts")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as e:
        raise UsageError(
            f"the file 'config' is not understood: {' '.join(str(e).split())[:200]}",
            remedy="it is to be as blobconverter's ConfigBuilder writes it",
        ) from e
    return tuple(wanted), tuple(words)


_read_again = lru_cache(maxsize=256)(_read_config)


def _not_sent(config: Mapping[str, Any], names: list[str]) -> list[Wanted]:
    """Files of a description that did not come with it. Raises UsageError for none that could."""
    elsewhere = []
    for wanted in config["files"]:
        prefix, _, sent = wanted.address.partition("$REQUEST/")
        if prefix or sent not in names:
            if wanted.address.startswith("$REQUEST/"):
                raise UsageError(f"the file {wanted.name} was not sent along", key="files")
            elsewhere.append(wanted)
    pick_model([*names, *(wanted.name for wanted in elsewhere)])
    return elsewhere


def _dry(asked: JobRequest) -> dict[str, str]:
    """What blobconverter would run, for people to read; nothing here is ever run."""
    tool = f"compile_tool -m {asked.name}.xml -o {asked.name}.blob {asked.compiling}"
    model = asked.zoo or asked.model()[-1]
    words = ["mo", f"--input_model={model}"]
    words += [w for w in asked.optimizer or () if not w.startswith("--input_model")]
    return {"model_optimizer": " ".join(words), "compile_tool": tool}


def _failure(error: Mapping[str, Any], status: int, job_id: str = "") -> JSONResponse:
    remedy = error.get("remedy", "")
    said = f"{error['message']}\n  try: {remedy}" if remedy else str(error["message"])
    body = {"message": error["message"], "stderr": said, "stdout": error.get("log", "")}
    ours = {key: value for key, value in error.items() if key not in ("message", "log")}
    return JSONResponse({**body, "exit_code": 1, "job": job_id, **ours}, status)


def _text(form: FormData, key: str, default: str = "") -> str:
    value = form.get(key, default)
    return value if isinstance(value, str) else ""


def _is_true(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1", "yes")


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 3:
        raise UsageError(f"myriad_shaves '{text[:20]}' is no number", remedy="1 to 16")
    return int(text)


def _data_type(form: FormData) -> str:
    kind = (_text(form, "data_type") or "FP16").upper()
    if kind not in ("FP16", "FP32", "HALF", "FLOAT"):
        raise UsageError(f"data_type {kind[:20]}: the chip computes in FP16", remedy="FP16")
    return kind
