"""Install what the published applications import into a folder, for bench/applications.py.

    python bench/application_packages.py PACKAGES

PACKAGES/common gets bench/applications.txt, PACKAGES/depthai-sdk-VERSION each version of the SDK
that an application's own requirements name (bench/applications.yaml). Nothing goes into the
environment that this runs in, whose packages serve for the rest. About 2.5 GB, most of it Open3D.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """See the module."""
    said = yaml.safe_load((HERE / "applications.yaml").read_text())
    install(folder / "common", "-r", str(HERE / "applications.txt"))
    for version in sorted({one["sdk"] for one in said["applications"].values() if "sdk" in one}):
        install(folder / f"depthai-sdk-{version}", f"depthai-sdk=={version}")


def install(place: Path, *what: str) -> None:
    """With this Python's pip, without dependencies."""
    if not place.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(place)]
        subprocess.run([*command, *what], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
