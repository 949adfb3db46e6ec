"""Update expressions: SET, REMOVE, ADD, DELETE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

from local.twin.aws.attribute_values import AttributeValue, Item, copied, invalid, number, number_text
from local.twin.aws.expressions.tokens import Names, Operand, Path, Tokens, Used, Values, read

#: Changes `new` at a path, reading only what was there before.
Action = Callable[[Item, Item, Values], None]

_SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass(frozen=True, slots=True)
class Update:
    """`apply(item, values)` answers the changed item; `paths` are what it touches."""

    actions: tuple[Action, ...]
    paths: tuple[Path, ...]
    used: Used

    def apply(self, item: Item, values: Values) -> Item:
        """Every right-hand side reads the item as it was before the update [DDB-UPDATE-READS-OLD]."""
        changed = copied(item)
        for action in self.actions:
            action(item, changed, values)
        return changed


@lru_cache(maxsize=4096)
def compile_update(expression: str, names: Names) -> Update:
    """ValidationException for bad syntax, a section written twice, or paths that overlap."""
    tokens = Tokens("UpdateExpression", expression, names)
    actions: list[Action] = []
    removals: list[tuple[Path, Action]] = []
    paths: list[Path] = []
    seen: set[str] = set()
    while tokens.next:
        section = tokens.take().upper()
        if section not in _SECTIONS or section in seen:
            raise tokens.syntax_error(section)
        seen.add(section)
        for path, action in _section(tokens, section):
            paths.append(path)
            if section == "REMOVE":
                removals.append((path, action))
            else:
                actions.append(action)
    for first, second in combinations(paths, 2):
        if first[: len(second)] == second or second[: len(first)] == first:
            raise tokens.fault(
                "Two document paths overlap with each other; must remove or rewrite one of these paths;"
            )
    # Elements of a list go from the back, so that no removal moves the next one's index.
    removals.sort(key=lambda removal: tuple(map(_removal_order, removal[0])), reverse=True)
    return Update((*actions, *(action for _, action in removals)), tuple(paths), tokens.used)


def _removal_order(part: str | int) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (0, part)


def _section(tokens: Tokens, section: str) -> list[tuple[Path, Action]]:
    parse = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}[section]
    actions = [parse(tokens)]
    while tokens.take_if(","):
        actions.append(parse(tokens))
    return actions


def _set(tokens: Tokens) -> tuple[Path, Action]:
    path = tokens.path()
    tokens.expect("=")
    value = _sum(tokens)

    def action(old: Item, new: Item, values: Values) -> None:
        found = value(old, values)
        if found is None:
            raise invalid("The provided expression refers to an attribute that does not exist in the item")
        write(new, path, copied({"": found})[""])

    return path, action


def _sum(tokens: Tokens) -> Operand:
    left = _set_operand(tokens)
    if tokens.next not in {"+", "-"}:
        return left
    sign = 1 if tokens.take() == "+" else -1
    right = _set_operand(tokens)
    return lambda item, values: _plus(left(item, values), right(item, values), sign)


def _set_operand(tokens: Tokens) -> Operand:
    if tokens.after_next == "(" and tokens.next in {"if_not_exists", "list_append"}:
        name = tokens.take()
        tokens.expect("(")
        if name == "if_not_exists":
            path = tokens.path()
            tokens.expect(",")
            default = _set_operand(tokens)
            tokens.expect(")")
            return lambda item, values: read(item, path) or default(item, values)
        first = _set_operand(tokens)
        tokens.expect(",")
        second = _set_operand(tokens)
        tokens.expect(")")
        return lambda item, values: _appended(first(item, values), second(item, values))
    if tokens.take_if("("):
        inner = _sum(tokens)
        tokens.expect(")")
        return inner
    return tokens.value_or_path()


def _plus(left: AttributeValue | None, right: AttributeValue | None, sign: int) -> AttributeValue | None:
    if left is None or right is None:
        return None
    if "N" not in left or "N" not in right:
        raise invalid("An operand in the update expression has an incorrect data type")
    return {"N": number_text(str(number(left["N"]) + sign * number(right["N"])))}


def _appended(first: AttributeValue | None, second: AttributeValue | None) -> AttributeValue | None:
    if first is None or second is None:
        return None
    if "L" not in first or "L" not in second:
        raise invalid("An operand in the update expression has an incorrect data type")
    return {"L": [*first["L"], *second["L"]]}


def _remove(tokens: Tokens) -> tuple[Path, Action]:
    path = tokens.path()

    def action(_old: Item, new: Item, _values: Values) -> None:
        _erase(new, path)

    return path, action


def _add(tokens: Tokens) -> tuple[Path, Action]:
    path, name = tokens.path(), tokens.value()

    def action(old: Item, new: Item, values: Values) -> None:
        current, given = read(old, path), values[name]
        ((kind, content),) = given.items()
        if kind not in {"N", "SS", "NS", "BS"} or (current is not None and kind not in current):
            raise invalid("An operand in the update expression has an incorrect data type")
        if current is None:
            write(new, path, copied({"": given})[""])
        elif kind == "N":
            total = _plus(current, given, 1)
            write(new, path, total if total is not None else given)
        else:
            have = current[kind]
            write(new, path, {kind: [*have, *(member for member in content if member not in have)]})

    return path, action


def _delete(tokens: Tokens) -> tuple[Path, Action]:
    path, name = tokens.path(), tokens.value()

    def action(old: Item, new: Item, values: Values) -> None:
        current, given = read(old, path), values[name]
        ((kind, content),) = given.items()
        if kind not in {"SS", "NS", "BS"} or (current is not None and kind not in current):
            raise invalid("An operand in the update expression has an incorrect data type")
        if current is None:
            return
        left = [member for member in current[kind] if member not in content]
        # A set is never empty: its last member takes the attribute along [DDB-EMPTY-SET].
        if left:
            write(new, path, {kind: left})
        else:
            _erase(new, path)

    return path, action


def write(item: Item, path: Path, value: AttributeValue) -> None:
    """Put a value at a path whose parent exists; an index past the end appends."""
    if len(path) == 1:
        item[str(path[0])] = value
        return
    parent, last = read(item, path[:-1]), path[-1]
    if parent is not None and isinstance(last, str) and "M" in parent:
        parent["M"][last] = value
    elif parent is not None and isinstance(last, int) and "L" in parent:
        members = parent["L"]
        members[last : last + 1] = [value]
    else:
        raise invalid("The document path provided in the update expression is invalid for update")


def _erase(item: Item, path: Path) -> None:
    if len(path) == 1:
        item.pop(str(path[0]), None)
        return
    parent, last = read(item, path[:-1]), path[-1]
    if parent is None or ("M" if isinstance(last, str) else "L") not in parent:
        raise invalid("The document path provided in the update expression is invalid for update")
    if isinstance(last, str):
        parent["M"].pop(last, None)
    else:
        del parent["L"][last : last + 1]
