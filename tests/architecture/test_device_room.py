"""Inside the device room too, no two files need each other to load."""

import ast
from pathlib import Path

ROOM = Path(__file__).parents[2] / "oakwright" / "device"


def loaded_by(path: Path) -> set[Path]:
    """Files of the room that are imported while this one is: at its top level, types apart."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1]
            base = folder.joinpath(*(node.module or "").split("."))
            for name in [base, *(base / alias.name for alias in node.names)]:
                for file in (name.with_suffix(".py"), name / "__init__.py"):
                    if file.is_file() and file != path:
                        found.add(file)
    return found


def test_no_circle_of_imports():
    files = {path: loaded_by(path) for path in ROOM.rglob("*.py")}
    # A package's __init__ only gathers what its files offer.
    graph = {
        path: {file for file in needed if path.parent != file.parent or file.stem != "__init__"}
        for path, needed in files.items()
    }
    done: set[Path] = set()

    def visit(path: Path, way: tuple[Path, ...]) -> None:
        assert path not in way, " -> ".join(str(p.relative_to(ROOM)) for p in (*way, path))
        if path not in done:
            for needed in sorted(graph[path]):
                visit(needed, (*way, path))
            done.add(path)

    for path in sorted(graph):
        visit(path, ())


def test_the_session_knows_nothing_of_the_device_that_stands_on_it():
    needed = {file.name for file in loaded_by(ROOM / "session.py")}
    assert "scheduler.py" in needed
    assert not needed & {"stand_in.py", "virtual.py", "windows.py", "graph.py"}
