"""Do modelconverter's own example configs parse, and what is applied of each?

    git clone https://github.com/luxonis/modelconverter
    python bench/modelconverter_configs.py modelconverter/configs

Without a folder there is nothing to do, and it says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oakwright.errors import OakwrightError
from oakwright.recipe import read_recipe


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    if folder is None:
        print("no folder of configs was given: nothing to do")
        return 0
    failed = 0
    paths = sorted(folder.rglob("*.y*ml"))
    for path in paths:
        try:
            recipe = read_recipe(path)
        except OakwrightError as error:
            failed += 1
            print(f"{path.name}: {error}")
            continue
        print(f"{path.name}: {len(recipe.stages)} stage(s)")
        for stage in recipe.stages:
            print(f"  {stage.name}: {stage.model or '(no model named)'} -> {stage.form}")
            for note in stage.notes:
                print(f"    {note}")
    print(f"{len(paths) - failed} of {len(paths)} parse")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
