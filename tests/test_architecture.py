"""The house rules as tables: which room may use which, who owns a third-party package, which rooms are pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "veospec"

ROOMS: dict[str, set[str]] = {
    "model": set(),
    "errors": {"model"},
    "filetypes": set(),
    "aside": set(),
    "catalog": {"model", "errors"},
    "spec": {"model", "errors", "catalog"},
    "providers.base": {"model", "errors"},
    "plan": {"model", "errors", "catalog", "providers.base"},
    "store": {"model", "errors", "filetypes", "aside", "providers.base"},
    "media": {"model", "errors", "filetypes"},
    "run": {"model", "errors", "plan", "providers.base", "store"},
    "providers.local": {"model", "errors", "providers.base", "media"},
    "providers.flow": {"model", "errors", "catalog", "providers.base"},
    "review": {"model", "errors", "plan"},
    "emulator": {"model", "errors", "catalog", "spec", "media"},
    "quick": set(),
    "app": {
        "quick",
        "aside",
        "model",
        "errors",
        "filetypes",
        "catalog",
        "spec",
        "plan",
        "store",
        "media",
        "run",
        "providers.base",
        "providers.local",
        "providers.flow",
        "review",
    },
    "cli": {"quick", "model", "errors", "app", "plan", "review", "run", "emulator"},
    "__main__": {"quick", "cli"},
}
"""What each room may import besides itself. `veospec` itself holds the version and is open to all."""

OWNERS: dict[str, set[str]] = {
    "yaml": {"spec"},
    "jsonschema": {"spec"},
    "referencing": {"spec"},
    "av": {"media"},
    "PIL": {"media"},
    "numpy": {"media"},
    "httpx": {"providers.flow"},
    "httpcore": {"providers.flow"},
    "diskcache": {"store"},
    "opentimelineio": {"review"},
    "starlette": {"emulator"},
    "uvicorn": {"emulator"},
    "c2pa": {"media"},
    "click": {"cli"},
    "rich": {"cli"},
    "dataclasses": set(),  # values are msgspec Structs: made and copied in a tenth of the time, declared in a fortieth
}
"""Which room may import a package that is not ours."""

PURE = ("spec", "catalog", "plan", "review")
EDGES = {"veospec.catalog.shipped", "veospec.spec.schema", "veospec.review.assets"}
"""Modules of pure rooms that read what is packaged with the program, or write it from a developer's command."""

IMPURE = {
    "os",
    "socket",
    "subprocess",
    "time",
    "random",
    "secrets",
    "tempfile",
    "shutil",
    "asyncio",
    "sqlite3",
    "threading",
    "multiprocessing",
    "urllib.request",
    "http.client",
    "uuid",
    "sys",
}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> tuple[tuple[str, int, bool], ...]:
    """Return (imported module, line, is at the top) of every import, type-only ones included."""
    return tuple(_imports(ast.parse(modules()[module].read_text("utf-8"))))


def _imports(tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in modules() else node.module or ""), node.lineno, id(node) in top


def room_of(module: str) -> str:
    inner = module.removeprefix("veospec").lstrip(".")
    if inner.startswith("providers."):
        return ".".join(inner.split(".")[:2])
    return inner.split(".")[0]


@pytest.mark.parametrize("module", modules())
def test_rooms_import_only_from_the_left(module: str) -> None:
    room = room_of(module)
    if room in ("", "providers"):
        return
    for name, line, _ in imports(module):
        if name.startswith("veospec."):
            other = room_of(name)
            assert other == room or other in ROOMS[room], f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", modules())
def test_each_package_is_imported_by_one_room(module: str) -> None:
    for name, line, _ in imports(module):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or room_of(module) in owners, f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) == "media"])
def test_av_is_imported_whole_before_its_parts(module: str) -> None:
    # Threads import it when the first job ends. `import av` waits for the one that began; a part of it does not, the
    # two wait for each other, and Python ends that with an ImportError.
    names = [name for name, _, _ in imports(module) if name.partition(".")[0] == "av"]
    assert not names or names[0] == "av", f"{module} imports {names[0]} before av"


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) in PURE and m not in EDGES])
def test_pure_rooms_do_nothing(module: str) -> None:
    for name, line, _ in imports(module):
        assert name not in IMPURE, f"{module}:{line} imports {name}"
    for node in ast.walk(ast.parse(modules()[module].read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input"), f"{module}:{node.lineno} calls {node.func.id}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "today", "read_text", "read_bytes", "write_text", "environ"), (
                f"{module}:{node.lineno} uses .{node.attr}"
            )


def test_there_are_no_cycles() -> None:
    state: dict[str, int] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        state[module] = 1
        for name, _, _ in imports(module):
            if name not in modules() or name == module:
                continue
            assert state.get(name) != 1, " → ".join([*trail, module, name])
            if name not in state:
                visit(name, (*trail, module))
        state[module] = 2

    for module in modules():
        if module not in state:
            visit(module, ())


def test_packages_hold_no_logic() -> None:
    for module, path in modules().items():
        if path.name == "__init__.py" and module != "veospec":
            body = ast.parse(path.read_text("utf-8")).body
            assert all(isinstance(node, ast.Expr) for node in body), f"{module} holds more than a docstring"


LAZY = {
    "app",  # a command imports what it needs when it is called
    "cli",
    "__main__",
    "emulator",
    "media",  # fonts and codecs only when something is drawn
}
LAZY_MODULES = {
    "veospec.spec.schema",  # the developer's command reads the packaged table
    "veospec.spec.schema_check",  # jsonschema costs as much as five interpreters
    "veospec.providers.flow.net",  # httpx costs ten interpreters; plain http to a double needs none of it
    "veospec.providers.flow.provider",  # the same: the first jobs run while it is imported
    "veospec.quick",  # what only `apply` or the writer needs: a lock, arrays
    "veospec.store.index",  # diskcache is opened only when something is looked up
    "veospec.store.layout",  # and so is the index itself
    "veospec.catalog.parsing",  # few have an overlay, and TOML takes long to read
    "veospec.providers.flow.config",  # or a private file
    "veospec.review.safe",  # html has a table of two thousand names
}


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) not in LAZY and m not in LAZY_MODULES])
def test_imports_stand_at_the_top(module: str) -> None:
    tree = ast.parse(modules()[module].read_text("utf-8"))
    guarded = {
        id(inner)
        for node in tree.body
        if isinstance(node, ast.If)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in tree.body and id(node) not in guarded:
            pytest.fail(f"{module}:{node.lineno} imports inside a function")


def test_the_project_speaks_of_itself_alone() -> None:
    """No address of a package registry, no path of a developer's machine in anything that is shipped."""
    for path in [*PACKAGE.rglob("*.py"), ROOT / "README.md", ROOT / "Makefile", ROOT / "CHANGELOG.md"]:
        text = path.read_text("utf-8")
        for word in ("pypi" + ".org", "/wo" + "rk/", "registry" + ".npmjs"):
            assert word not in text, f"{path} names {word}"
