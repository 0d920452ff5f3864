"""The changes that `make mutants` makes to a module, each at one place.

They are the node mutations of mutmut 3, and two that it lacks: a call that stands alone and a decorator are removed.
Mutmut's own command passes over decorated functions and a module's constants; here everything is changed but
docstrings and types, which do not run, and the wording of errors, of which the tests match only what matters.
"""

import ast
import contextlib
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

import libcst as cst
from mutmut.mutation.mutators import mutation_operators


class Mutant(NamedTuple):
    """A changed module: where, the lines before and after, whether that is inside a function, and the whole text."""

    function: str
    before: str
    after: str
    inside: bool
    text: str


def without_call(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """Remove a call that stands alone: code that works in place is made of such calls."""
    if isinstance(node.body[0], cst.Expr) and isinstance(node.body[0].value, cst.Call):
        yield node.with_changes(body=[cst.Pass()])


def without_decorator(node: cst.FunctionDef | cst.ClassDef) -> Iterator[cst.CSTNode]:
    """Remove one decorator."""
    for i in range(len(node.decorators)):
        yield node.with_changes(decorators=[*node.decorators[:i], *node.decorators[i + 1 :]])


OPERATORS = (
    *mutation_operators,
    (cst.SimpleStatementLine, without_call),
    ((cst.FunctionDef, cst.ClassDef), without_decorator),
)


class Changes(cst.CSTVisitor):
    """All changes of a module: the function's name, whether within its body, the node and what takes its place."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool, cst.CSTNode, cst.CSTNode]] = []
        self.path: list[str] = []
        self.bodies = self.errors = 0  # how many we are in

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation) or _is_type(node):
            return False
        self._count(node, 1)
        for kind, operator in OPERATORS:
            if isinstance(node, kind) and not (self.errors and isinstance(node, cst.BaseString)):
                self.found += [(".".join(self.path), self.bodies > 0, node, new) for new in operator(node)]
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        self._count(node, -1)

    def _count(self, node: cst.CSTNode, step: int) -> None:
        self.errors += step * isinstance(node, cst.Raise)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            self.path = [*self.path, node.name.value] if step > 0 else self.path[:-1]

    def on_visit_attribute(self, node: cst.CSTNode, attribute: str) -> None:
        self.bodies += isinstance(node, cst.FunctionDef) and attribute == "body"

    def on_leave_attribute(self, node: cst.CSTNode, attribute: str) -> None:
        self.bodies -= isinstance(node, cst.FunctionDef) and attribute == "body"


def _is_type(node: cst.CSTNode) -> bool:
    value = node.value if isinstance(node, cst.Assign) else None
    return isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "TypeVar"


def mutants(text: str) -> list[Mutant]:
    """Return every change of a module that gives another valid module."""
    module, visitor, found = cst.parse_module(text), Changes(), {}
    module.visit(visitor)
    same = ast.dump(ast.parse(text))
    for function, inside, node, new in visitor.found:
        changed = module.deep_replace(node, new).code
        with contextlib.suppress(SyntaxError):
            compile(changed, "mutant", "exec")
            if ast.dump(ast.parse(changed)) != same:  # 1e150 + 1 is 1e150
                found.setdefault(changed, Mutant(function, *changed_lines(text, changed), inside, changed))
    return list(found.values())


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """Return the lines that differ, each text's on one line."""
    a, b = before.splitlines(), after.splitlines()
    for step in (1, -1):
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a[::step], b[::step], strict=False)))
        a, b = (lines[same:] if step == 1 else lines[: len(lines) - same] for lines in (a, b))
    return " ".join(map(str.strip, a)), " ".join(map(str.strip, b))
