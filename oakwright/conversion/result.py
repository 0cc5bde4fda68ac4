"""What a conversion gives: blobs, the IR they were compiled from, and a manifest of the facts."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UsageError
from oakwright.files import write_all_aside

if TYPE_CHECKING:
    from oakwright.blob import Blob


@dataclass(frozen=True)
class Converted:
    """A converted model.

    ``blobs``: bytes by number of shaves, empty where only the IR was asked for. ``xml`` and
    ``bin``: the legalised FP16 IR v10. ``manifest``: options, what was applied to each input,
    rules used, warnings, agreement with the source, hashes and versions.
    """

    name: str
    blobs: Mapping[int, bytes]
    xml: bytes
    bin: bytes
    manifest: Mapping[str, Any]
    from_cache: bool = field(default=False, compare=False)

    @property
    def blob(self) -> Blob:
        """The blob, read. Raises UsageError where none or several were made."""
        from oakwright.blob import Blob

        if len(self.blobs) != 1:
            raise UsageError(
                f"{self.name} was compiled for {len(self.blobs)} shave counts",
                remedy="take one of .blobs, e.g. Blob.from_bytes(result.blobs[6])",
            )
        return Blob.from_bytes(next(iter(self.blobs.values())))

    def save(self, target: str | Path, *, keep_ir: bool = False) -> list[Path]:
        """Write the result: to a file ending in ``.blob`` (or ``.xml``), else into a folder.

        Beside a blob goes its manifest, ``X.blob.json``; the IR is written where asked for or
        where it is the result. Gives the written paths, the main one first.
        """
        target = Path(target)
        if target.suffix.lower() in (".blob", ".xml"):
            folder, stem = target.parent, target.stem
            if target.suffix.lower() == ".blob" and len(self.blobs) > 1:
                raise UsageError(
                    f"{len(self.blobs)} blobs do not go into one file {target}",
                    remedy="give a folder with -o",
                    path=str(target),
                )
            if target.suffix.lower() == ".blob" and not self.blobs:
                raise UsageError(f"only the IR was made; {target} is to be a blob")
        elif target.suffix.lower() in (".onnx", ".bin", ".json", ".zip", ".pt", ".tflite"):
            raise UsageError(
                f"{target} is neither a .blob, an .xml nor a folder's name", path=str(target)
            )
        else:
            folder, stem = target, self.name
        files: dict[str | PathLike[str], bytes | str] = {}
        for shaves, data in self.blobs.items():
            suffix = f"_{shaves}shave" if len(self.blobs) > 1 else ""
            files[folder / f"{stem}{suffix}.blob"] = data
        if keep_ir or not self.blobs:
            files[folder / f"{stem}.xml"] = self.xml
            files[folder / f"{stem}.bin"] = self.bin
        self._spare_the_source(files)
        main = next(iter(files))
        facts = f"{Path(main).name}.json" if len(self.blobs) < 2 else f"{stem}.json"
        files[folder / facts] = json.dumps(self.manifest, indent=2) + "\n"
        return write_all_aside(files)

    def _spare_the_source(self, files: Mapping[str | PathLike[str], bytes | str]) -> None:
        given = self.manifest["source"]["path"]
        if not given:
            return
        source = Path(given).resolve()
        own = {source, source.with_suffix(".bin")} if source.suffix == ".xml" else {source}
        for path in files:
            if Path(path).resolve() in own:
                raise UsageError(
                    f"{path} is the model that was given; it would be overwritten",
                    remedy="name another file or folder with -o",
                    path=str(path),
                )

    def as_files(self) -> dict[str, bytes]:
        """The result as named bytes, as the cache keeps it."""
        files = {f"{shaves}.blob": data for shaves, data in self.blobs.items()}
        files["model.xml"], files["model.bin"] = self.xml, self.bin
        files["manifest.json"] = json.dumps(self.manifest).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Converted:
        """The inverse of :meth:`as_files`."""
        manifest = json.loads(files["manifest.json"])
        blobs = {int(n[:-5]): data for n, data in files.items() if n.endswith(".blob")}
        return cls(
            name=manifest["name"],
            blobs=dict(sorted(blobs.items())),
            xml=files["model.xml"],
            bin=files["model.bin"],
            manifest=manifest,
            from_cache=True,
        )

    def as_zip(self) -> bytes:
        """The IR and the first blob as one archive, as blobconverter's ``download_ir`` gives it."""
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{self.name}.xml", self.xml)
            archive.writestr(f"{self.name}.bin", self.bin)
            for data in list(self.blobs.values())[:1]:
                archive.writestr(f"{self.name}.blob", data)
        return buffer.getvalue()


def digest(data: bytes) -> str:
    """SHA-256 of ``data`` as text."""
    return hashlib.sha256(data).hexdigest()
