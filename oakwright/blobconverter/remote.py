"""Asking a converter server: blobconverter's protocol, with nothing but Python's own HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from oakwright import errors
from oakwright.errors import OakwrightError, RemoteError, UsageError

# Hosts of the public converter: models are not sent there, whatever an old script says.
_PUBLIC = ("luxonis.com",)
LONGEST_ANSWER_S = 3600.0  # a server answers /compile when the conversion is over
MOST_RETRIES, LONGEST_PAUSE_S = 20, 60.0
_BLOCK = 1 << 16
_FRAMEWORKS = {".xml": "dldt", ".onnx": "onnx", ".pb": "tf", ".caffemodel": "caffe"}

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """What is asked of a server. ``files``: the model first, then what belongs to it."""

    name: str
    files: tuple[Path, ...] = ()
    use_zoo: bool = False
    optimizer_params: tuple[str, ...] = ()
    data_type: str = "FP16"
    version: str = "2022.1"
    shaves: int = 4
    compile_params: str = ""
    use_cache: bool = True
    download_ir: bool = False
    zoo_type: str = "intel"
    dry: bool = False

    def config(self) -> str:
        """The description that goes with the files; JSON, which is YAML."""
        entries = [
            {
                "name": f"{self.data_type}/{file.name}",
                "source": {"$type": "http", "url": f"$REQUEST/{file.name}"},
            }
            for file in self.files
        ]
        framework = _FRAMEWORKS.get(self.files[0].suffix, "onnx")
        words = list(self.optimizer_params)
        if framework != "dldt":
            model = f"$dl_dir/{self.data_type}/{self.files[0].name}"
            words += [f"--data_type={self.data_type}", f"--input_model={model}"]
        return json.dumps(
            {
                "files": entries,
                "framework": framework,
                "model_optimizer_args": words,
                "task_type": "detection",
            }
        )


def is_public(url: str) -> bool:
    """Whether an address is the public converter's."""
    host = urlsplit(url).hostname or ""
    return any(host == name or host.endswith(f".{name}") for name in _PUBLIC)


def shown(url: str) -> str:
    """An address without the key that may stand in it."""
    return _place(url)[0]


def convert(url: str, request: Request, say: Say, progress: Progress | None = None) -> bytes:
    """The blob, or the zip with the IR. A busy server is asked again.

    Raises RemoteError where the server cannot be asked; the server's refusal otherwise, of the
    class that the same model raises on this machine.
    """
    for attempt in range(MOST_RETRIES + 1):
        try:
            content = _post(url, request, progress)
        except _Busy as busy:
            if attempt == MOST_RETRIES:
                raise busy.error from None
            say(f"{busy.error.message}; asking again in {busy.pause_s:.0f} s")
            time.sleep(busy.pause_s)
            continue
        wanted = b"PK" if request.download_ir else b""
        if not content.startswith(wanted) or (not wanted and content[52:56] != b"\xed\x25\0\0"):
            raise RemoteError(
                f"{shown(url)} answered with something else than a blob",
                remedy="check that the address is a converter's",
                url=shown(url),
            )
        return content
    raise AssertionError  # the last attempt returns or raises


def commands(url: str, request: Request) -> dict[str, str]:
    """What a dry run says: the commands the old tools would have run."""
    try:
        found = json.loads(_post(url, request, None))
    except (ValueError, _Busy) as error:
        raise RemoteError(f"{shown(url)} gave no dry run: {error}", url=shown(url)) from error
    return dict(found)


def zoo_list(url: str, version: str, zoo_type: str) -> list[dict[str, Any]]:
    """The models of a server's zoo: name and data types."""
    asked = urllib.request.Request(
        f"{shown(url)}/zoo_models?{urlencode({'version': version, 'zoo_type': zoo_type})}",
        headers=_headers(url),
    )
    try:
        return list(json.loads(_answer(url, asked, None))["available"])
    except (ValueError, KeyError, TypeError, _Busy) as error:
        raise RemoteError(f"{shown(url)} gave no list of models", url=shown(url)) from error


class _Busy(Exception):
    """The server has too much to do; it said when to come again."""

    def __init__(self, error: OakwrightError, pause_s: float) -> None:
        super().__init__(error.message)
        self.error, self.pause_s = error, pause_s


def _post(url: str, request: Request, progress: Progress | None) -> bytes:
    query: dict[str, str] = {"version": request.version, "no_cache": str(not request.use_cache)}
    if request.dry:
        query["dry"] = "True"
    fields = {
        "myriad_shaves": str(request.shaves),
        "myriad_params_advanced": request.compile_params,
        "data_type": request.data_type,
        "download_ir": str(request.download_ir),
        "zoo_type": request.zoo_type,
        "name": request.name,
    }
    if request.use_zoo:
        fields["use_zoo"] = "True"
    boundary = uuid.uuid4().hex
    parts = _parts(request, fields, boundary)
    size = sum(len(head) + (body.stat().st_size if body else 0) for head, body in parts)
    asked = urllib.request.Request(
        f"{shown(url)}/compile?{urlencode(query)}",
        data=_stream(parts),
        headers={
            **_headers(url),
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(size),
        },
        method="POST",
    )
    return _answer(url, asked, progress)


def _parts(
    request: Request, fields: dict[str, str], boundary: str
) -> list[tuple[bytes, Path | None]]:
    """The body's pieces: bytes, and a file that follows them."""
    parts: list[tuple[bytes, Path | None]] = []
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    for key, value in fields.items():
        parts.append((f'{head}"{key}"\r\n\r\n{value}\r\n'.encode(), None))
    if request.files:
        text = f'{head}"config"; filename="config.yml"\r\n\r\n{request.config()}\r\n'
        parts.append((text.encode(), None))
    for file in request.files:
        if any(sign in file.name for sign in '"\r\n'):
            raise UsageError(f"a file named {file.name!a} cannot be sent", remedy="rename it")
        kind = "Content-Type: application/octet-stream"
        text = f'{head}"{file.name}"; filename="{file.name}"\r\n{kind}\r\n\r\n'
        parts += [(text.encode(), file), (b"\r\n", None)]
    return [*parts, (f"--{boundary}--\r\n".encode(), None)]


def _stream(parts: list[tuple[bytes, Path | None]]) -> Iterator[bytes]:
    for head, file in parts:
        yield head
        if file is not None:
            with file.open("rb") as content:
                while block := content.read(_BLOCK):
                    yield block


def _answer(url: str, asked: urllib.request.Request, progress: Progress | None) -> bytes:
    place = shown(url)
    try:
        with urllib.request.urlopen(asked, timeout=LONGEST_ANSWER_S) as answer:
            total, content = int(answer.headers.get("Content-Length") or 0), bytearray()
            while block := answer.read(_BLOCK):
                content += block
                if progress:
                    progress(len(content), total)
            if total and len(content) < total:
                raise http.client.IncompleteRead(bytes(content), total - len(content))
            return bytes(content)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(place, error) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        told = getattr(reason, "strerror", None) or reason
        remedy = "check the address (url=, $OAKWRIGHT_SERVER) and that `oakwright serve` runs there"
        if isinstance(reason, (BrokenPipeError, ConnectionResetError)):
            remedy = "files larger than the server's --upload-mb are cut off while they are sent"
        raise RemoteError(
            f"the converter at {place} cannot be asked: {told}", remedy=remedy, url=place
        ) from error


def _refusal(place: str, error: urllib.error.HTTPError) -> Exception:
    """A refusal as the error it was on the server."""
    text = error.read(1 << 20).decode("utf-8", "replace")
    try:
        said = json.loads(text)
        message, remedy = str(said["message"]), str(said.get("remedy") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        said, message, remedy = {}, " ".join(text.split())[:500] or str(error.reason), ""
    kind: Any = getattr(errors, str(said.get("kind", "")), None)
    where = {key: said[key] for key in ("layer", "reason", "key", "job") if said.get(key)}
    is_ours = isinstance(kind, type) and issubclass(kind, OakwrightError)
    if is_ours and kind not in (OakwrightError, errors.BlobError):
        with_findings = {"findings": said["findings"]} if said.get("findings") else {}
        found: OakwrightError
        try:
            found = kind(message, remedy=remedy, **where, **with_findings)
        except TypeError:  # a class that wants a place of its own
            found = RemoteError(message, remedy=remedy, url=place, status=error.code)
    else:
        found = RemoteError(
            f"{place} refused ({error.code}): {message}",
            remedy=remedy,
            url=place,
            status=error.code,
            **where,
        )
    pause = error.headers.get("Retry-After", "")
    if error.code in (429, 503) and pause.isdecimal():
        return _Busy(found, min(float(pause), LONGEST_PAUSE_S))
    return found


def _place(url: str) -> tuple[str, str]:
    """An address without its user and key, and the two. Raises UsageError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"url '{url[:100]}' is no server's address", remedy="e.g. http://converter:8000"
        )
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")), user


def _headers(url: str) -> dict[str, str]:
    user = unquote(_place(url)[1])
    headers = {"User-Agent": "oakwright"}
    if user:
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return headers
