"""How many of a zoo's manifests are read, and how many models' arguments have a counterpart here?

    git clone --depth 1 https://github.com/openvinotoolkit/open_model_zoo
    git clone --depth 1 https://github.com/luxonis/depthai-model-zoo
    python bench/zoo_manifests.py open_model_zoo/models depthai-model-zoo/models

Nothing is downloaded. Without a folder there is nothing to do, and it says so.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from oakwright.errors import OakwrightError
from oakwright.zoo import Shelf, plan_arguments, read_manifest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    folders = parser.parse_args().folders
    if not folders:
        print("no folder of manifests was given: nothing to do")
    for folder in folders:
        total, good, code, reasons = 0, 0, 0, Counter()
        for path in Shelf.of([folder], folder).manifests():
            total += 1
            try:
                model = read_manifest(path)
                if model.framework == "pytorch":
                    code += 1
                plan_arguments(model)
                good += 1
            except OakwrightError as error:
                reasons[error.message.replace(path.parent.name, "NAME")[:100]] += 1
        print(f"{folder}: {total} manifests, arguments of {good} have a counterpart;")
        print(f"  {code} are PyTorch code that somebody has to export first")
        for reason, count in reasons.most_common():
            print(f"  {count:3} {reason}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
