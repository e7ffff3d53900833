"""Imports run one way: between the rooms of the house from the ground up, and within a room in no circle."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up. A room uses those above it in its list; those on one line do not use each other. What is named
# by a star is everything in a package that is in no room of its own.
FLOORS = [
    ["tape.errors", "tape.tree"],
    ["tape.core"],
    ["tape.ops"],
    ["tape.transforms"],
    ["tape.programs"],
    ["tape.compiling"],
    ["tape"],
    ["tape.verify"],
    ["nn", "optim"],
    ["n2n.errors", "n2n.metrics"],
    ["n2n.noise", "n2n.classical"],
    ["n2n.images", "n2n.networks"],
    ["n2n.sources"],
    ["n2n.training"],
    ["n2n.denoising"],
    ["n2n.bench", "n2n.evaluation"],
    ["n2n.reproduce"],
    ["n2n"],
    ["n2n.cli"],
    ["n2n.__main__"],
]
HEIGHTS = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}

Imports = Mapping[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """The files of the packages by the names of their modules."""
    paths = [path for package in ("tape", "nn", "optim", "n2n") for path in (root / package).rglob("*.py")]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(root: Path) -> dict[str, set[str]]:
    """Which modules each module imports, wherever in the file and whatever for."""
    files = modules(root)
    return {name: set(imported(ast.parse(path.read_text()), files.keys())) for name, path in files.items()}


def imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def room(module: str) -> str:
    """The innermost room that a module is in."""
    while module not in HEIGHTS:
        module = module.rpartition(".")[0]
    return module


def upward(graph: Imports) -> list[str]:
    """The arrows from a room to one that does not stand below it."""
    return [
        f"{module} imports {other}"
        for module, others in sorted(graph.items())
        for other in sorted(others)
        if room(module) != room(other) and HEIGHTS[room(module)] <= HEIGHTS[room(other)]
    ]


def circle(graph: Imports) -> list[str]:
    """Some modules each of which imports the next, and the last the first; none if there is no such circle."""
    done: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        found = next((found for other in sorted(graph[module]) if (found := search(other, [*path, module]))), [])
        done.add(module)
        return found

    return next((found for module in sorted(graph) if (found := search(module, []))), [])


def test_no_room_uses_one_above_it() -> None:
    assert upward(imports(ROOT)) == []


def test_no_modules_import_each_other() -> None:
    assert circle(imports(ROOT)) == []


def test_every_room_is_there_and_says_what_lives_in_it() -> None:
    files = modules(ROOT)
    lacking = [name for name in HEIGHTS if not ast.get_docstring(ast.parse(files[name].read_text()))]
    assert not lacking


def test_init_files_define_nothing() -> None:
    inits = {name: path for name, path in modules(ROOT).items() if path.name == "__init__.py"}
    definitions = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    defining = [
        name
        for name, path in inits.items()
        if any(isinstance(x, definitions) for x in ast.parse(path.read_text()).body)
    ]
    assert not defining


@pytest.mark.parametrize("package", ["tape", "nn", "optim"])
def test_libraries_do_not_know_the_application(package: str) -> None:
    graph = imports(ROOT)
    assert not [
        name for name in graph if name.partition(".")[0] == package and any(x.startswith("n2n") for x in graph[name])
    ]


def test_an_arrow_upwards_is_found(tmp_path: Path) -> None:
    for file, text in {"tape/tree.py": "", "tape/core/a.py": "", "tape/core/__init__.py": ""}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    (tmp_path / "tape/__init__.py").write_text("")
    (tmp_path / "tape/tree.py").write_text("def f():\n    from tape.core.a import x\n")
    assert upward(imports(tmp_path)) == ["tape.tree imports tape.core.a"]


def test_a_circle_is_found_even_where_it_is_for_types_alone(tmp_path: Path) -> None:
    (tmp_path / "tape/core").mkdir(parents=True)
    (tmp_path / "tape/core/a.py").write_text("from tape.core.b import y\n")
    (tmp_path / "tape/core/b.py").write_text("if TYPE_CHECKING:\n    from tape.core.a import x\n")
    assert circle(imports(tmp_path)) == ["tape.core.a", "tape.core.b"]
