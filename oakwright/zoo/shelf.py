"""Which models there are: manifests in folders, files beside them or in a cache."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oakwright.errors import UnreadableModel
from oakwright.files import home

from .manifest import ZooFile, ZooModel, read_manifest

_DEEPEST = 6
_MOST_FOLDERS = 100_000


@dataclass(frozen=True)
class Shelf:
    """Zoo ``folders`` (clones, a private one), and the ``cache`` that downloads go to."""

    folders: tuple[Path, ...]
    cache: Path

    @classmethod
    def of(cls, folders: Sequence[str | Path] = (), cache: str | Path | None = None) -> Shelf:
        """The given folders, else ``$OAKWRIGHT_ZOO`` (several, as in PATH), else the cache."""
        store = Path(cache) if cache else home() / "zoo"
        said = list(folders) or os.environ.get("OAKWRIGHT_ZOO", "").split(os.pathsep)
        found = tuple(Path(folder) for folder in said if str(folder))
        return cls(found or (store,), store)

    def manifests(self) -> Iterator[Path]:
        """Every ``model.yml`` below the folders, in order."""
        count = 0
        for base in self.folders:
            for place, names, files in os.walk(base):
                count += 1
                if count > _MOST_FOLDERS:
                    return
                names[:] = sorted(name for name in names if not name.startswith("."))
                if len(Path(place).relative_to(base).parts) >= _DEEPEST:
                    names.clear()
                if "model.yml" in files:
                    yield Path(place) / "model.yml"

    def models(self) -> Iterator[ZooModel]:
        """Every model; a damaged manifest is an UnreadableModel."""
        for path in self.manifests():
            yield read_manifest(path)

    def find(self, name: str) -> ZooModel:
        """The model of a name. Raises UnreadableModel with the nearest names."""
        names = {}
        for path in self.manifests():
            if path.parent.name == name:
                return read_manifest(path)
            names[path.parent.name] = path
        near = difflib.get_close_matches(name, names, 3)
        where = ", ".join(map(str, self.folders))
        raise UnreadableModel(
            f"there is no model '{name}' among {len(names)} in {where}",
            remedy=f"near it: {', '.join(near)}"
            if near
            else "name a zoo's folder (a clone of open_model_zoo or depthai-model-zoo, or your"
            " own) with --folder or $OAKWRIGHT_ZOO",
            path=where,
        )

    def places(self, model: ZooModel, name: str) -> list[Path]:
        """Where a file of a model may lie, best first: beside the manifest, in the cache."""
        last = Path(name).name
        return [
            model.folder / name,
            model.folder / last,
            self.cache / model.name / name,
            *(self.cache / family / model.name / name for family in ("intel", "public")),
        ]

    def locate(self, model: ZooModel, file: ZooFile) -> Path | None:
        """A file that is here and is what the manifest says, or None where it is not here.

        Raises UnreadableModel (with ``path``) for a file of another content.
        """
        for path in self.places(model, file.name):
            # Open Model Zoo's downloader keeps what it downloaded beside what it patched.
            original = path.with_name(f"{path.name}.orig")
            if path.is_file():
                check(original if original.is_file() else path, file)
                return path
        return None


def check(path: Path, file: ZooFile) -> None:
    """Hold a file against its size and hash. Raises UnreadableModel (with ``path``)."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise _other(path, f"has {size} bytes, the manifest says {file.size}")
    if file.hash is not None:
        algorithm, wanted = file.hash
        digest = hashlib.new(algorithm)
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != wanted:
            raise _other(path, f"is another file than the manifest says ({algorithm} differs)")


def _other(path: Path, what: str) -> UnreadableModel:
    return UnreadableModel(
        f"{path} {what}", remedy="remove it and download it again", path=str(path)
    )
