"""The package keeps its own rules: short modules, imports that go down only, documented names, stated licences."""

import ast
import inspect
import json
import re
import textwrap
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tlutils as tl

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(["tlutils", *path.relative_to(ROOT / "tlutils").with_suffix("").parts]).removesuffix(".__init__"): path
    for path in (ROOT / "tlutils").rglob("*.py")
}
MOST_LINES = 250

# ---------------------------------------------------------------- modules and imports

# From the ground up: a module imports from its own layer and from those below.
LAYERS = {
    "ground": "errors inputs tensors guard missing_names domains fingerprint weights session download store cache "
    "evidence",
    "data": "datasets datasets.* worlds camera simulator gloss lexicon wordwise own_rows own_images own_texts own_data "
    "data_checks",
    "measures": "adversary agreement augment clustering discrepancy metrics scaling self_training transferability "
    "transport",
    "networks": "nets texts student text_blocks torchvision_models encoders",
    "training": "batches trainable parallel checkpoint loop train distill selfsup information normalisation "
    "source_free testtime finetune select",
    "trained networks": "text_encoders features weighting similarity explain shortcuts map_checks negative expert "
    "closed_loop film",
    "figures": "plots plots.*",
    "advice": "own_linear own_model learners findings advice_page advice",
    "exercises": "check check.*",
    "studies": "*_experiments methods trends transfer_tables parallel_demo build_*",
    "course": "course report report_tables experiments __main__",
    "front door": "tlutils",
}
RANKS = {layer: rank for rank, layer in enumerate(LAYERS)}
ON_TOP = ("check", "course", "experiments", "report", "report_tables")


def layer_of(module: str) -> str:
    """Return the one layer that a module belongs to."""
    name = module.removeprefix("tlutils.")
    found = [layer for layer, names in LAYERS.items() if any(fnmatch(name, pattern) for pattern in names.split())]
    assert len(found) == 1, f"{module} must belong to one layer, and belongs to {found or 'none'}"
    return found[0]


def imports_of(path: Path) -> set[str]:
    """Return the modules of the package that a file imports: at its top, inside functions, for its types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by dots: name the module in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in names if node.module in MODULES}
    return found


IMPORTS = {name: imports_of(path) - {name} for name, path in MODULES.items()}


def test_no_module_is_long():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_module_imports_itself_by_a_detour():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError and names the cycle


def test_imports_go_down():
    upward = [
        f"{name} ({layer_of(name)}) imports {other} ({layer_of(other)})"
        for name, others in IMPORTS.items()
        for other in others
        if RANKS[layer_of(other)] > RANKS[layer_of(name)]
    ]
    assert upward == []


@pytest.mark.parametrize("top", ON_TOP)
def test_what_stands_on_top_is_imported_by_nothing_below(top):
    importers = {
        name
        for name, others in IMPORTS.items()
        if any(other == f"tlutils.{top}" or other.startswith(f"tlutils.{top}.") for other in others)
    }
    beside = {"tlutils", *(f"tlutils.{other}" for other in ON_TOP)}
    assert {name for name in importers if not name.startswith(f"tlutils.{top}.")} <= beside


# ---------------------------------------------------------------- public names


def public(module) -> dict[str, object]:
    """Return the functions and classes that a module, or a package, defines for its readers."""
    return {
        f"{module.__name__.removeprefix('tlutils.')}.{name}": thing
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__.startswith(module.__name__)
    }


PUBLIC = {name: getattr(tl, name) for name in tl.__all__ if not inspect.ismodule(getattr(tl, name))}
for module in (tl.plots, tl.metrics, tl.explain, tl.augment):
    PUBLIC |= public(module)
for name in tl.datasets.__all__:
    thing = getattr(tl.datasets, name)
    PUBLIC |= public(thing) if inspect.ismodule(thing) else {f"datasets.{name}": thing}

# Nobody's method: what the course made for itself, with the reason.
WITHOUT_SOURCE = {
    "figures of the course": "plots.*",
    "tools that keep, seed, run or print": "ClaimFailed Session claim extract_features load_model model_card repeat "
    "start stored",
    "networks and their handling, of the course's own making": "Classifier DigitNet DrivingNet freeze image_encoder",
    "sums, shares and choices that need no inventor": "accuracy attribution_share choose predict metrics.Reliability "
    "metrics.threshold_for explain.covered_with explain.log_odds explain.overlay augment.random_colours",
    "a composition of methods, each with its own source": "advise",
    "data made, drawn or written for this course": "datasets.digits.printed datasets.digits.resized "
    "datasets.driving.tracks datasets.driving_logs.time_blocks datasets.photos.surfaces datasets.planted.* "
    "datasets.reviews.* datasets.signs.sign_tracks",
    "readers of files that a reader brings": "datasets.driving_logs.donkeycar datasets.driving_logs.udacity "
    "datasets.image_folder datasets.text_file",
}
EXEMPT = [pattern for names in WITHOUT_SOURCE.values() for pattern in names.split()]


def takes_tensors(thing: object) -> bool:
    """Whether a function, or the making of an object, takes a tensor."""
    made = inspect.isclass(thing) and "__init__" in vars(thing)
    annotations = (thing.__init__ if made else thing).__annotations__
    return any("Tensor" in re.split(r"[ |]+", str(kind)) for name, kind in annotations.items() if name != "return")


def refuses(thing: object) -> bool:
    """Whether the source of a function or class raises, or calls what checks its input."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(thing)))):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if re.match(r"_?check", called):
                return True
    return False


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented(name):
    text = PUBLIC[name].__doc__ or ""
    first = text.split("\n\n")[0].strip()
    assert first[:1].isupper() and first.endswith((".", ":")), "the docstring begins with a sentence"
    assert re.search(r"notebooks? \d\d", text), "it names the notebook that teaches it"
    if takes_tensors(PUBLIC[name]):
        assert re.search(r"\([a-z0-9]+,[^)]*\)|any shape", text), "it gives shapes, as in (n, d)"
    if refuses(PUBLIC[name]):
        assert re.search(r"[Rr]aise", text), "it says what is raised, and when"
    if not any(fnmatch(name, pattern) for pattern in EXEMPT):
        assert re.search(r"Source|arXiv|doi", text), "it names its source"


def test_every_exemption_is_needed():
    sourced = {name for name, thing in PUBLIC.items() if re.search(r"Source|arXiv|doi", thing.__doc__ or "")}
    without = set(PUBLIC) - sourced
    assert [pattern for pattern in EXEMPT if not any(fnmatch(name, pattern) for name in without)] == []


# ---------------------------------------------------------------- licences

DATA = ROOT / "data"
TABLES = (DATA / "README.md").read_text(encoding="utf-8")
MANIFEST = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))["files"]


def row_of(*cells: str) -> bool:
    """Whether some row of data/README.md holds all these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLES.splitlines() if line[:1] == "|"]
    return any(all(row) and {*cells} <= {*row, *re.split(", |: ", row[0].replace("`", ""))} for row in rows)


@pytest.mark.parametrize("path", sorted(path for path in DATA.rglob("*") if path.is_file()), ids=lambda path: path.name)
def test_every_embedded_file_states_its_licence(path):
    if path.name == "README.md":
        return
    card = path.with_name(f"{path.name.removesuffix('.card.json').rpartition('.')[0] or path.stem}.card.json")
    card = path if path.name.endswith(".card.json") else card
    stated = [json.loads(card.read_text(encoding="utf-8"))["licence"]] if card.exists() else []
    assert row_of(path.relative_to(DATA).as_posix(), *stated), f"data/README.md has no row for {path.name}, {stated}"


@pytest.mark.parametrize("name", MANIFEST)
def test_every_file_fetched_states_its_licence_and_source(name):
    entry = MANIFEST[name]
    assert entry["licence"].strip() and entry["citation"].strip()
    folder = name.partition("/")[0]
    assert row_of(folder, entry["citation"], entry["licence"]), f"data/README.md has no row for {name}"


def test_the_citation_file_has_what_a_citation_needs():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    needed = {"cff-version", "message", "title", "authors", "version", "license", "type", "abstract"}
    assert needed <= {key for key, value in citation.items() if value}
    assert all(author.get("name") or author.get("family-names") for author in citation["authors"])
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
