"""What every test stands on: one CPU, the mirror of real data, no network."""

import os
import socket
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
MIRROR = ROOT.parent / "shared" / "data"

os.environ["ACCELERATE_USE_CPU"] = "true"  # the unit tests compare bits, which accelerators do not promise
# Features computed by a test are that test's: a cache of its own for the run, gone with it.
CACHE = tempfile.TemporaryDirectory(prefix="tlutils-tests-")
os.environ.setdefault("TLUTILS_CACHE", CACHE.name)
if "TLUTILS_DATA" not in os.environ and MIRROR.is_dir():
    os.environ["TLUTILS_DATA"] = str(MIRROR)

from tlutils import Classifier, Domain, datasets  # noqa: E402
from tlutils.report import record  # noqa: E402
from tlutils.store import available  # noqa: E402


@pytest.fixture
def real():
    """Return a function that skips the test where one of the named real data files is absent."""

    def need(*names: str) -> None:
        for name in names:
            if not available(name):
                pytest.skip(f"{name} is neither in $TLUTILS_DATA nor in the cache")

    return need


@pytest.fixture(scope="session")
def objects() -> Domain:
    """Return CIFAR-10's test photographs, JPEG-compressed, read once."""
    if not available("cifar10_jpg/cifar10_jpg.zip"):
        pytest.skip("cifar10_jpg/cifar10_jpg.zip is neither in $TLUTILS_DATA nor in the cache")
    return datasets.photos.cifar10_jpeg("test")


@pytest.fixture
def mirror() -> Path:
    """Return the mirror of real data; skip the test where there is none."""
    folder = Path(os.environ.get("TLUTILS_DATA", MIRROR))
    if not folder.is_dir():
        pytest.skip("no mirror of real data: set TLUTILS_DATA")
    return folder


@pytest.fixture
def fault(record_property):
    """Return a function that notes a fault which the test injects, for the table that the run prints at its end."""
    return lambda name, times=1: record_property("fault", [name, times])


def pytest_terminal_summary(terminalreporter):
    """Print what the tests of faults, exercises and hostile input noted; it arrives from every process of xdist."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose summary nobody reads
        return
    _faults(terminalreporter)
    _exercises(terminalreporter)
    _hostile(terminalreporter)


def _hostile(terminalreporter):
    """Print how many functions were called with hostile arguments, and how often."""
    reports = [(o, dict(r.user_properties)) for o in ("passed", "failed") for r in terminalreporter.getreports(o)]
    calls = [(outcome, noted["hostile calls"]) for outcome, noted in reports if "hostile calls" in noted]
    if calls:
        times, well = sum(n for _, n in calls), sum(n for outcome, n in calls if outcome == "passed")
        terminalreporter.section("calls with hostile arguments, answered as documented")
        terminalreporter.write_line(f"{f'{len(calls)} functions, classes and methods':<64}{times:>6}{well:>6}")
        record(what=f"Calls of {len(calls)} functions and methods with hostile arguments", times=times, survived=well)


def _exercises(terminalreporter):
    """Print how many known wrong answers each check rejected with the hint that fits."""
    passed = [dict(report.user_properties) for report in terminalreporter.getreports("passed")]
    solved = sorted(noted["exercise"] for noted in passed if "exercise" in noted)
    rejected = Counter(noted["wrong answer to"] for noted in passed if "wrong answer to" in noted)
    if solved:
        terminalreporter.section("exercises solved, wrong answers rejected")
        for name in solved:
            terminalreporter.write_line(f"{name:<64}{rejected[name]:>6}")
        terminalreporter.write_line(f"{len(solved):<64}{rejected.total():>6}")
        times = sum("wrong answer to" in dict(r.user_properties) for r in terminalreporter.getreports("failed"))
        times += rejected.total()
        record(what=f"Wrong answers to {len(solved)} exercises", times=times, survived=rejected.total())


def _faults(terminalreporter):
    """Print what was injected, and how often the right result or one clear error came of it."""
    survived, lost = Counter(), Counter()
    for outcome, counts in (("passed", survived), ("failed", lost)):
        for report in terminalreporter.getreports(outcome):
            counts.update(dict(noted for key, noted in report.user_properties if key == "fault"))
    if names := sorted(survived | lost):
        terminalreporter.section("faults injected, survived, lost")
        for name in names:
            terminalreporter.write_line(f"{name:<64}{survived[name] + lost[name]:>6}{survived[name]:>6}{lost[name]:>6}")
        for kind in dict.fromkeys(name.partition(":")[0] for name in names):
            mine = [name for name in names if name.partition(":")[0] == kind]
            times, well = sum(survived[name] + lost[name] for name in mine), sum(survived[name] for name in mine)
            record(what=f"Faults, {kind}: {len(mine)} kind{'s' * (len(mine) > 1)}", times=times, survived=well)
        total, well, badly = (survived + lost).total(), survived.total(), lost.total()
        terminalreporter.write_line(f"{'all':<64}{total:>6}{well:>6}{badly:>6}")


@pytest.fixture
def no_network(monkeypatch):
    """Let every connection fail, as on a machine without network."""

    def refuse(*args, **kwargs):
        raise OSError("the test runs without network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class Rows(torch.nn.Module):
    """A small encoder of rows (n, 4) with BatchNorm and one frozen-able layer before it."""

    dim = 16

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, self.dim)
        self.norm = torch.nn.BatchNorm1d(self.dim)

    def forward(self, x):
        return torch.relu(self.norm(self.linear(x)))


@pytest.fixture
def new_model():
    """Return a function that builds the same small classifier of rows (n, 4) each time."""

    def build(classes: int = 3, seed: int = 0) -> Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Classifier(Rows(), classes)

    return build


@pytest.fixture
def new_domain():
    """Return a function that draws rows (n, 4) around a centre of each of three classes, moved by `shift`."""

    def build(n: int = 90, shift: float = 0.0, seed: int = 0, name: str = "rows") -> Domain:
        generator = torch.Generator().manual_seed(seed)
        y = torch.arange(n) % 3
        x = 4 * torch.eye(3, 4)[y] + torch.randn(n, 4, generator=generator) * 0.5 + shift
        return Domain(x, y, ("a", "b", "c"), name)

    return build
