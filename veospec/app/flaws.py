"""Look into the files that are about to be sent for money: a picture that was cut off is told before it is paid for.

Only what a paid step needs is decoded, and each content once: the verdict is kept in the index under the digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from veospec.app.project import Project, as_written
from veospec.errors import SpecInvalid
from veospec.model import Character, FileSource, Input, InputFact, Node, Problem
from veospec.plan.values import Action, Plan
from veospec.spec.files import broken_file
from veospec.store.layout import Store
from veospec.store.project_files import ProjectFiles

_SPACE = "flaws 1"


def check_bought(project: Project, store: Store, plan: Plan) -> None:
    """Raise `SpecInvalid` when a step that would be paid for needs a file that cannot be decoded."""
    problems = flaws(project, store, (s.node for s in plan.steps if s.action is Action.GENERATE and not s.cost.is_free))
    if problems:
        raise SpecInvalid(problems)


def flaws(project: Project, store: Store, nodes: Iterable[Node]) -> tuple[Problem, ...]:
    """Return a problem for every place where one of the nodes names a file that cannot be decoded."""
    files = ProjectFiles(project.root, memo=store.input_memo)
    found: dict[Problem, None] = {}
    seen: dict[str, str] = {}
    for node in nodes:
        for entry, source in _files_of(node):
            fact = project.facts.get(source.path)
            if fact is None or not fact.digest:
                continue
            if fact.digest not in seen:
                seen[fact.digest] = _flaw(files, store, fact)
            if seen[fact.digest]:
                place = project.places.get(source.path, entry.location)
                problem = broken_file(source.path, seen[fact.digest], place, node.name)
                found[as_written(problem, project.choices.spec)] = None
    return tuple(sorted(found, key=lambda problem: problem.location))


def _files_of(node: Node) -> Iterator[tuple[Input, FileSource]]:
    for entry in node.request.inputs:
        for source in entry.source.images if isinstance(entry.source, Character) else (entry.source,):
            if isinstance(source, FileSource):
                yield entry, source


def _flaw(files: ProjectFiles, store: Store, fact: InputFact) -> str:
    known = store.index.get(_SPACE, fact.digest)
    if known is not None:
        return known.decode()
    from veospec.media.probe import flaw_of

    flaw = flaw_of(files.read(fact.path, fact.digest), fact.type)
    store.index.put(_SPACE, fact.digest, flaw.encode())
    return flaw
