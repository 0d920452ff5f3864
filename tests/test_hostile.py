"""Every public function answers hostile input with a documented error or a finite result: `tests/hostile`."""

import ast
import importlib
from fnmatch import fnmatch
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "tlutils"
TABLES = {
    path.stem: importlib.import_module(f"hostile.{path.stem}")
    for path in sorted((HERE / "hostile").glob("*.py"))
    if path.stem != "kit"
}
ATTACKS = {name: attack for table in TABLES.values() for name, attack in table.ATTACKS.items()}
EXEMPT = {name: reason for table in TABLES.values() for name, reason in getattr(table, "EXEMPT", {}).items()}
IDS = {name: f"{title}: {name}" for title, table in TABLES.items() for name in table.ATTACKS}
# Run by maintainers, on data that the course brings along.
OURS = ("*_experiments", "build_*", "experiments", "report", "report_tables", "__main__")


@pytest.mark.parametrize("name", sorted(ATTACKS), ids=IDS.get)
def test_hostile_input_gets_a_documented_error_or_a_finite_answer(name, record_property):
    record_property("hostile calls", ATTACKS[name].run())


def test_no_two_tables_attack_the_same():
    assert len(ATTACKS) == sum(len(table.ATTACKS) for table in TABLES.values())


def test_every_public_function_and_class_is_attacked_or_says_why_not():
    missing = public_names() - {name.partition(" ")[0] for name in ATTACKS} - set(EXEMPT)
    assert missing == set(), "give each an Attack in a table of tests/hostile, or a reason in its EXEMPT"


def test_what_is_exempt_exists_and_is_not_attacked():
    assert set(EXEMPT) <= public_names() | methods() and not set(EXEMPT) & set(ATTACKS)
    assert all(EXEMPT.values())


def public_names() -> set[str]:
    """Return functions and classes of the package as `module.name`, without what only maintainers run."""
    return {f"{module}.{part.name}" for module, part in definitions()}


def methods() -> set[str]:
    """Return the public methods of those classes."""
    return {
        f"{module}.{part.name}.{method.name}"
        for module, part in definitions()
        if isinstance(part, ast.ClassDef)
        for method in part.body
        if isinstance(method, ast.FunctionDef)
    }


def definitions() -> list[tuple[str, ast.AST]]:
    """Return the module and the definition of everything public at the top of a module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if any(fnmatch(module, pattern) for pattern in OURS):
            continue
        parts = ast.parse(path.read_text(encoding="utf-8")).body
        kinds = (ast.FunctionDef, ast.ClassDef)
        found += [(module, part) for part in parts if isinstance(part, kinds) and not part.name.startswith("_")]
    return found
