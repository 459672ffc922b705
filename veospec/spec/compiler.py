"""Compile the files of a storyboard: bytes in, a Storyboard and every problem out.

Order: read each file, check it against the schema, join the files, read what is declared, resolve names, then build
the nodes of every cell. A stage goes on after problems as far as it can, so that all of them are reported at once.
Pure: which files exist, the environment and the catalogue come in as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from veospec.catalog.catalogue import Catalogue
from veospec.errors import SpecUnreadable
from veospec.model import Cell, Kind, Location, Mode, Node, Problem, Scene, Storyboard
from veospec.spec import settings
from veospec.spec.board import (
    NOTHING_ABSENT,
    STILL,
    Absent,
    Board,
    Still,
    To,
    entries,
    read_board,
    references_of,
    text_of,
)
from veospec.spec.excerpt import Outline, outline_of
from veospec.spec.graph import making_order
from veospec.spec.include import Document, gather, overlay, wanted
from veospec.spec.inputs import asset_of, check_cast
from veospec.spec.matrix import check_use, read_matrix
from veospec.spec.modes import mode_of
from veospec.spec.names import did_you_mean, folded, path_fault
from veospec.spec.nodes import Builder
from veospec.spec.problems import Problems
from veospec.spec.schema import check_schema
from veospec.spec.stage import Stage
from veospec.spec.tree import NOTHING, Map, Tree
from veospec.spec.variables import Environment, Scope
from veospec.spec.yamltext import parse


class Compiled(Struct, frozen=True):
    """The outcome. `storyboard` is None when a problem is an error; `draft` is what could be built all the same.

    `paths` are the project files that the storyboard names, with where each is written (unused assets too); `files`
    the spec files that were read; `environment` the variables that were asked for, with what they held.
    """

    storyboard: Storyboard | None
    problems: tuple[Problem, ...]
    paths: Mapping[str, Location]
    files: tuple[str, ...]
    environment: Mapping[str, str | None]
    draft: Storyboard | None = None
    outline: Outline | None = None


def compile_storyboard(
    sources: Mapping[str, bytes | Tree],
    main: str,
    *,
    env: Mapping[str, str],
    catalogue: Catalogue,
    pass_name: str = "",
    plan_class: str = "",
    provider: str = "",
    may_use_unlisted_models: bool = False,
    unreadable: Mapping[str, str] | None = None,
    absent: Absent = NOTHING_ABSENT,
    outlines: bool = False,
) -> Compiled:
    """Compile the storyboard whose main file is `sources[main]`.

    `sources` maps paths relative to the project folder to their bytes, or to a tree that was read already; it may hold
    more files than are included. `unreadable` says why a file that is there was not taken ("is a symbolic link").
    `provider` and `plan_class` override what the spec says. `absent` names what an excerpt leaves out; with `outlines`
    the outcome of a storyboard without findings tells its outline.
    """
    problems = Problems()
    environment = Environment(env)
    trees = _read(sources, main, problems)
    if main not in trees:
        return Compiled(None, problems.all(), {}, (main,), {})
    _check(trees, main, catalogue, problems, may_use_unlisted_models=may_use_unlisted_models)
    document = gather(trees, main, unreadable or {}, problems)
    board = read_board(document, problems, absent)
    stage = _stage(document, board, catalogue, environment, problems, pass_name, provider, plan_class,
                   may_use_unlisted_models=may_use_unlisted_models)  # fmt: skip
    cells = [stage.for_cell(cell, _scope(document, environment, cell, problems)) for cell in stage.matrix.cells]
    nodes = _nodes(stage, cells, problems)
    _check_stems(nodes, problems)
    _check_assets(cells[0])
    check_cast(cells[0])
    used_axes = {axis for cell in cells for axis in cell.scope.used_axes}
    check_use(document.section("matrix"), stage.matrix.cells, used_axes, problems)
    storyboard = _storyboard(document, stage, nodes, problems)
    settings.check_join(document, storyboard, problems)
    return Compiled(
        None if problems.has_errors else storyboard,
        problems.all(),
        stage.paths,
        tuple(tree.file for tree in document.trees),
        dict(environment.used),
        storyboard,
        outline_of(document.main, board) if outlines and not problems.heard else None,
    )


def first_look(data: bytes, file: str) -> tuple[Tree, tuple[str, ...], str, str]:
    """Read the main file and say what else the edge has to read before a compilation.

    Returns the tree, the include patterns, the path of the project's own catalogue (or "") and the day whose model
    table is asked for (`as_of`, or ""). Raises: `SpecUnreadable`.
    """
    tree = parse(data, file)
    patterns = tuple(entry.pattern for entry in wanted(tree) if not entry.fault)
    return tree, patterns, overlay(tree), text_of(tree.root, "as_of")


def _read(sources: Mapping[str, bytes | Tree], main: str, problems: Problems) -> dict[str, Tree]:
    """Parse the main file and what it includes, and nothing else that happens to be there."""
    trees: dict[str, Tree] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop(0)
        if name in trees or name not in sources:
            continue
        source = sources[name]
        try:
            tree = trees[name] = source if isinstance(source, Tree) else parse(source, name)
        except SpecUnreadable as error:
            problems.add(error.problem)
            trees[name] = Tree.broken(name)
            continue
        problems.settle(tree.problems)
        for entry in wanted(tree):
            if not entry.fault:
                waiting += entry.among(sources)
    if isinstance(trees.get(main), Tree) and trees[main].is_broken:
        del trees[main]
    return trees


def _check(
    trees: Mapping[str, Tree], main: str, catalogue: Catalogue, problems: Problems, *, may_use_unlisted_models: bool
) -> None:
    found: list[Problem] = []
    for name, tree in trees.items():
        if not tree.is_broken:
            found += check_schema(
                tree, catalogue, is_fragment=name != main, may_use_unlisted_models=may_use_unlisted_models
            )
    problems.settle(found)


def _stage(
    document: Document,
    board: Board,
    catalogue: Catalogue,
    environment: Environment,
    problems: Problems,
    pass_name: str,
    provider: str,
    plan_class: str,
    *,
    may_use_unlisted_models: bool,
) -> Stage:
    plain = _scope(document, environment, Cell(), problems)
    matrix = read_matrix(document.section("matrix"), board, plain, catalogue.aspect, problems)
    plans = [plan.id for plan in catalogue.plans]
    named, plan = settings.provider_of(document, plain, provider, plan_class, plans, problems)
    style = document.single.get("style")
    look = text_of(style, "base") if isinstance(style, Map) else style if isinstance(style, str) else ""
    return Stage(
        cell=Cell(),
        scope=plain,
        ratio="",
        suffix="",
        slug="",
        board=board,
        catalogue=catalogue,
        matrix=matrix,
        project=settings.project_of(document, plain, problems),
        seed=settings.whole(document.section("project"), "seed", settings.DEFAULT_SEED),
        provider=named,
        plan_class=plan,
        defaults=document.section("defaults") or NOTHING,
        pass_name=pass_name,
        pass_map=_pass(document, pass_name, problems),
        style=style if isinstance(style, Map) else None,
        style_text=look,
        style_place=((style, "base") if isinstance(style, Map) else (document.single, "style")) if look else None,
        may_use_unlisted=may_use_unlisted_models,
        problems=problems,
        loose_stills=_loose_stills(board, _scope(document, environment, matrix.cells[0], problems)),
    )


def _scope(document: Document, environment: Environment, cell: Cell, problems: Problems) -> Scope:
    return Scope(document.named["vars"], environment, dict(cell.axes), problems)


def _pass(document: Document, name: str, problems: Problems) -> Map:
    passes = document.named["passes"]
    found = passes.get(name) if name else None
    if name and not isinstance(found, Map):
        place = passes.here if passes else document.main.locate(())
        problems.error("VS246", place, f"there is no pass '{name[:60]}'", did_you_mean(name, passes, kind="passes"))
    return found if isinstance(found, Map) else NOTHING


def _loose_stills(board: Board, scope: Scope) -> frozenset[str]:
    """Return the stills that come out the same in every cell: they are made once, outside the matrix."""
    needed_by: dict[str, list[str]] = {}
    for name in board.stills:
        for ref in references_of(board, STILL + name):
            if ref.to is To.STILL:
                needed_by.setdefault(ref.name, []).append(name)
    tied = [name for name, still in board.stills.items() if _uses_axes(board, still, scope)]
    found = set(tied)
    while tied:
        fresh = [name for name in needed_by.get(tied.pop(), ()) if name not in found]
        found.update(fresh)
        tied += fresh
    return frozenset(board.stills) - found


def _uses_axes(board: Board, still: Still, scope: Scope) -> bool:
    node = still.map
    if not text_of(node, "aspect"):
        return True
    texts = [value for value in node.values() if isinstance(value, str)]
    texts += [value for value, _, _ in entries(node, "avoid") if isinstance(value, str)]
    texts += [text_of(board.assets, ref.name) for ref in references_of(board, STILL + still.name)]
    for use in still.characters:
        figure = board.characters.get(use.name)
        texts += [value for value in figure.map.values() if isinstance(value, str)] if figure is not None else []
    style = text_of(node, "style")
    texts += [text_of(board.variants, style)] if style else []
    return any(scope.has_axis(text) for text in texts)


def _nodes(stage: Stage, cells: Sequence[Stage], problems: Problems) -> tuple[Node, ...]:
    modes: dict[str, Mode] = {}
    for name, shot in stage.board.shots.items():
        modes[name] = mode_of(shot, problems)
    builder = Builder(cells, stage, modes)
    made: list[Node] = []
    for item in making_order(stage.board, problems):
        made += builder.build(item)
    return tuple(made)


def _check_stems(nodes: tuple[Node, ...], problems: Problems) -> None:
    """No two results may want the same file name."""
    seen: dict[tuple[Kind, str], Node] = {}
    for node in nodes:
        first = seen.setdefault((node.kind, folded(node.stem)), node)
        if first is not node and node.kind in (Kind.CLIP, Kind.STILL):
            message = f"{node.name} and {first.name} would both be filed as {node.stem}"
            problems.error("VS213", node.location, message, "change an id", node.name)


def _check_assets(stage: Stage) -> None:
    """Unused assets are looked at as well: a path that cannot be used is a mistake before anybody refers to it."""
    for name in stage.board.assets:
        asset_of(stage, name)


def _storyboard(document: Document, stage: Stage, nodes: tuple[Node, ...], problems: Problems) -> Storyboard:
    plain = stage.scope
    store = document.single.get("store")
    where = plain.text(store, document.single, "store") if isinstance(store, str) else ""
    if where and (fault := path_fault(where)):
        problems.error(
            "VS206",
            document.single.at("store"),
            f"the store '{where[:80]}' {fault}",
            "name a folder below the storyboard; for a store elsewhere set VEOSPEC_HOME",
        )
    return Storyboard(
        file=document.main.file,
        project=stage.project,
        provider=stage.provider,
        plan_class=stage.plan_class,
        scenes=tuple(
            Scene(name, *(plain.text(text_of(scene, key), scene, key) for key in ("slug", "notes")))
            for name, scene in stage.board.scenes
        ),
        cells=stage.matrix.cells,
        nodes=nodes,
        reel=settings.reel_of(document, stage.board, plain, problems),
        budget=settings.budget_of(document, problems),
        policy=settings.policy_of(document, problems),
        deliver=settings.deliver_of(document, plain),
        store=where,
        omitted=tuple(
            [name for name, shot in stage.board.shots.items() if shot.is_omitted]
            + [STILL + name for name, still in stage.board.stills.items() if still.is_omitted]
        ),
    )
