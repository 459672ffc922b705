"""The order in which things are made: every upstream first, else as written; and circles, named as a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from veospec.spec.board import STILL, Board, Ref, references_of
from veospec.spec.problems import Problems


def making_order(board: Board, problems: Problems) -> tuple[str, ...]:
    """Return every still and shot that is not omitted in an order in which nothing comes before what it needs.

    A circle is reported where its last step is written; its items keep some order, so that they are checked too.
    """
    wanted = [
        *(STILL + name for name, still in board.stills.items() if not still.is_omitted),
        *(name for name, shot in board.shots.items() if not shot.is_omitted),
    ]

    def refs(item: str) -> tuple[Ref, ...]:
        return references_of(board, item)

    _report_omitted(board, wanted, refs, problems)
    return _order(wanted, refs, problems)


def _report_omitted(
    board: Board, wanted: Iterable[str], refs: Callable[[str], tuple[Ref, ...]], problems: Problems
) -> None:
    omitted = {STILL + name for name, still in board.stills.items() if still.is_omitted}
    omitted |= {name for name, shot in board.shots.items() if shot.is_omitted}
    if not omitted:
        return
    for item in wanted:
        for ref in refs(item):
            if ref.item in omitted:
                problems.error(
                    "VS248", ref.place, f"'{ref.item}' is omitted", "make it again, or refer to something else", item
                )


def _steps(stack: Sequence[tuple[str, str, object]]) -> list[str]:
    """Return the items of a path, with the characters that lead from one to the next."""
    steps = [stack[0][0]]
    for item, via, _ in stack[1:]:
        steps += [via, item] if via else [item]
    return steps


def _order(wanted: Sequence[str], refs: Callable[[str], tuple[Ref, ...]], problems: Problems) -> tuple[str, ...]:
    # Without recursion: a chain of ten thousand shots is a legal storyboard.
    order: list[str] = []
    state: dict[str, int] = dict.fromkeys(wanted, 0)
    for root in wanted:
        if state[root]:
            continue
        needs = refs(root)
        if not needs:
            state[root] = 2
            order.append(root)
            continue
        state[root] = 1
        stack = [(root, "", iter(needs))]
        while stack:
            item, _, rest = stack[-1]
            ref = next(rest, None)
            if ref is None:
                stack.pop()
                state[item] = 2
                order.append(item)
            elif state.get(ref.item) == 0:
                state[ref.item] = 1
                stack.append((ref.item, ref.via, iter(refs(ref.item))))
            elif state.get(ref.item) == 1:
                trail = [name for name, _, _ in stack]
                begin = trail.index(ref.item)
                path = " → ".join([*_steps(stack[begin:]), *([ref.via] if ref.via else []), ref.item])
                problems.error(
                    "VS250",
                    ref.place,
                    f"these need each other: {path}",
                    "break the circle with a file",
                    item,
                )
    return tuple(order)
