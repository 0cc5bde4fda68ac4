"""One conversion in a process of its own: a model that crashes, hangs or eats memory ends here.

Forked by a worker's `nursery` before there is a job. Reads one line from a pipe, reports JSON lines
on another, writes the result's files, ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from oakwright import conversion, zoo
from oakwright.errors import OakwrightError

from .isolate import bind_to_parent, without_network
from .request import JobRequest, beside
from .settings import Settings

Report = Callable[[dict[str, Any]], None]


def convert_request(
    request: JobRequest, folder: Path, settings: Settings, progress: Callable[[str, float], None]
) -> conversion.Converted:
    """Convert what lies in ``folder`` as asked. Raises as `conversion.convert` does."""
    limits = {"timeout_s": settings.job_s, "memory_limit_mb": settings.memory_mb}
    if request.zoo:
        shelf = zoo.Shelf.of(settings.zoo)
        precision = request.compiling.partition("-ip ")[2].split(" ")[0] or "FP16"
        return zoo.convert_model(
            shelf,
            shelf.find(request.zoo),
            shaves=request.shaves,
            input_precision=precision,
            cache=request.cache,
        )
    names = request.model()
    paths = tuple(folder / name for name in names)
    return conversion.convert(
        paths if len(paths) > 1 else paths[0],
        options=request.convert_options(**limits),
        cache=request.cache,
        progress=progress,
    )


def save(made: conversion.Converted, request: JobRequest, folder: Path) -> None:
    """Write the files of a result: blobs, IR, manifest, without the server's own paths."""
    manifest = json.loads(json.dumps(made.manifest))
    manifest["name"] = request.name
    if manifest["source"].get("path"):
        manifest["source"]["path"] = Path(manifest["source"]["path"]).name
    for name, content in replace(made, name=request.name, manifest=manifest).as_files().items():
        (folder / name).write_bytes(content)


def describe(error: BaseException, folder: Path) -> dict[str, Any]:
    """An error as plain values: kind, message, remedy, and the layers where it knows them."""
    if not isinstance(error, OakwrightError):
        kind = "OutOfMemory" if isinstance(error, MemoryError) else type(error).__name__
        text = " ".join(str(error).split())[:500]
        return {
            "kind": kind,
            "message": "the conversion needs more memory than it may have"
            if kind == "OutOfMemory"
            else f"the conversion failed: {text or kind}",
            "remedy": "convert it with `oakwright convert` to see more, and report it",
        }
    plain: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
    }
    layer = error.where.get("layer")
    if layer:
        plain["layer"] = str(layer)
    if error.where.get("reason"):
        plain["reason"] = str(error.where["reason"])
    plain["findings"] = [
        {"layer": f.layer, "op": f.op, "reason": f.reason, "remedy": f.remedy}
        for f in error.where.get("findings", ())
        if hasattr(f, "layer")
    ]
    if plain["findings"]:
        plain.setdefault("layer", plain["findings"][0]["layer"])
    text = json.dumps(plain)
    return json.loads(text.replace(f"{folder}/", "").replace(str(folder), "the upload's folder"))  # type: ignore[no-any-return]


def do_job(settings: Settings, jobs: int, reports: int) -> None:
    """Wait for a job on the pipe ``jobs``, do it, report on the pipe ``reports``."""
    with os.fdopen(jobs, "rb") as orders:
        line = orders.readline()
    if not line:
        return  # the worker has no job any more
    job = json.loads(line)
    request, folder = JobRequest.from_json(job["request"]), Path(job["folder"])

    def report(message: dict[str, Any]) -> None:
        os.write(reports, json.dumps(message).encode() + b"\n")

    try:
        made = convert_request(
            request,
            folder / "in",
            settings,
            lambda step, seconds: report({"step": step, "seconds": seconds}),
        )
        save(made, request, folder / "out")
        report({"done": True})
    except Exception as error:
        # Whatever a stranger's model did, this process is its own end and tells the reason.
        report({"error": describe(error, folder / "in")})


def place(request: JobRequest, folder: Path, find: Callable[[str], Path]) -> None:
    """Lay out a job's folder: its uploads in ``in``, an empty ``out``."""
    import shutil

    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    names = [file.name for file in request.files]
    places = beside(request.model()[0], names) if names else {}
    for file in request.files:
        shutil.copyfile(find(file.sha256), folder / "in" / places[file.name])


def limit_process(settings: Settings) -> None:
    """Bind this process: it ends with its parent, within bounds, and has no network."""
    bind_to_parent(settings)
    without_network()
