"""Change five modules in one place at a time and count the changes that no test notices; `make mutants` runs this.

What is changed stands in `mutations.py`. Each mutant lives in a fork of a process that has all libraries loaded and
tlutils not yet; of the module's tests those run that call the changed function, quick ones first, until one fails.
Time is counted in processor seconds, so a busy machine kills none. It needs fork and limits as Linux has them.

`data/mutants.json` gets the survivors, each with its reason from `tests/survivors.toml`; without one the run fails.
After new tests or reasons, `--survivors` tries only those of the last run that have none.
"""

import argparse
import contextlib
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.metadata
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from mutations import Mutant, mutants
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    name: (ROOT / "tlutils" / f"{name}.py", [ROOT / "tests" / f"test_{name}.py"])
    for name in ("discrepancy", "adversary", "transferability", "evidence", "select")
}
RESULTS, REASONS = ROOT / "data" / "mutants.json", ROOT / "tests" / "survivors.toml"
LEAST, MEMORY = 10, 2**32  # processor seconds that any test gets, and bytes beyond those that it begins with
OVER = (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL)
UNTRIED = 70  # exit status of a process that never read the mutant
KEY = ("function", "before", "after")


class Watch:
    """A pytest plugin that notes for each test its seconds and which of the module's functions it calls."""

    def __init__(self, path: Path, report: Path) -> None:
        self.path, self.report = str(path), report
        self.tests, self.called = {}, set()
        self.early = self.called  # what the test files call while they are read
        sys.setprofile(self._note)

    def _note(self, frame, event, arg) -> None:
        if event == "call" and frame.f_code.co_filename == self.path:
            self.called.add(frame.f_code.co_qualname.partition(".<locals>")[0])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.called, begun = set(), time.process_time()
        result = yield
        self.tests[item.nodeid] = [time.process_time() - begun, sorted(self.called)]
        return result

    def pytest_unconfigure(self) -> None:
        sys.setprofile(None)
        libraries = (sys.prefix, sys.base_prefix)
        files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
        loaded = [name for name, file in files.items() if file.startswith(libraries)]
        self.report.write_text(json.dumps([self.tests, sorted(self.early), loaded]))


class Chosen:
    """A pytest plugin that runs the tests with known seconds only, quick ones first, and ends what takes far longer."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items: list) -> None:
        known = [item for item in items if item.nodeid in self.seconds]
        items[:] = sorted(known, key=lambda item: self.seconds[item.nodeid])

    def pytest_runtest_setup(self, item) -> None:
        limit_processor(LEAST + 5 * self.seconds[item.nodeid])


def limit_processor(seconds: float) -> None:
    """Let this process end when it has computed for so many seconds more."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), resource.RLIM_INFINITY))


def run_tests(path: Path, text: str, files: list[Path], plugin: Watch | Chosen) -> int:
    """Run tests on another text of a module; return pytest's exit status. For a process of its own."""
    true_code, read = importlib.machinery.SourceFileLoader.get_code, []

    def get_code(loader, name):
        if Path(loader.path) != path:
            return true_code(loader, name)
        read.append(name)
        return compile(text, str(path), "exec")

    importlib.machinery.SourceFileLoader.get_code = get_code
    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *map(str, files)], plugins=[plugin])
    return status if read else UNTRIED


def forked(work: Callable[[], int], seconds: float) -> int:
    """Start some work in a process with limits, whose exit status is the work's answer; return its id."""
    if pid := os.fork():
        return pid
    status = UNTRIED
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.RLIM_INFINITY))
        limit_processor(seconds)
        signal.alarm(1800)  # for one that waits without computing
        status = work()
    finally:
        os._exit(status)


def ended() -> tuple[int, str]:
    """Wait for any of the processes; return its id and what became of the mutant."""
    pid, status = os.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what its tests had started
    code = os.waitstatus_to_exitcode(status)
    if code in (pytest.ExitCode.NO_TESTS_COLLECTED, UNTRIED):
        raise RuntimeError(f"a mutant could not be tried: its process ended with {code}")
    return pid, "survived" if code == 0 else "timed out" if -code in OVER else "killed"


def watched(path: Path, files: list[Path], folder: Path) -> tuple[dict[str, list], set[str]]:
    """Run the tests on the module as it is; return each test's seconds and calls, and what is called before them."""
    report = folder / "watched.json"
    forked(lambda: run_tests(path, path.read_text(encoding="utf-8"), files, Watch(path, report)), 600)
    if ended()[1] != "survived":
        raise SystemExit(f"the tests of {path.name} fail as it is: {' '.join(map(str, files))}")
    tests, early, loaded = json.loads(report.read_text())
    for name in loaded:  # once here instead of in every fork
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()  # a fork that collects garbage would copy all of this
    return tests, set(early)


def tried(path: Path, files: list[Path], todo: list[Mutant], workers: int, folder: Path) -> list[str]:
    """Return what became of each mutant: `killed`, `timed out` or `survived`."""
    tests, early = watched(path, files, folder)
    outcomes, running = ["survived"] * len(todo), {}
    bar = tqdm(total=len(todo), desc=path.stem, mininterval=1 if sys.stderr.isatty() else 60)
    try:
        for i, mutant in enumerate(todo):
            everywhere = not mutant.inside or mutant.function in early
            chosen = {name: cpu for name, (cpu, called) in tests.items() if everywhere or mutant.function in called}
            if chosen:
                running[forked(lambda m=mutant, c=chosen: run_tests(path, m.text, files, Chosen(c)), LEAST)] = i
            while len(running) == workers or (running and i == len(todo) - 1):
                pid, outcome = ended()
                outcomes[place := running.pop(pid)] = outcome
                bar.update()
                if outcome == "timed out":
                    bar.write(f"out of time: {todo[place].function}: {todo[place].after}", file=sys.stderr)
    finally:
        bar.close()
        for pid in running:
            os.killpg(pid, signal.SIGKILL)
    return outcomes


def check(path: Path, files: list[Path], before: dict | None, workers: int, folder: Path) -> dict:
    """Try a module's mutants, or only those alive before without a reason; return the counts and the survivors."""
    text = path.read_text(encoding="utf-8")
    made, source = mutants(text), hashlib.sha256(text.encode()).hexdigest()[:16]
    if before is None or before["source"] != source:
        left = made
    else:
        bare = {tuple(row[part] for part in KEY) for row in before["survivors"] if not row["reason"]}
        left = [mutant for mutant in made if mutant[:3] in bare]
    outcomes = tried(path, files, left, workers, folder) if left else []
    survivors = [
        dict(zip(KEY, mutant, strict=False))
        for mutant, outcome in zip(left, outcomes, strict=True)
        if outcome == "survived"
    ]
    hung = outcomes.count("timed out")
    if left is not made:
        survivors += [{part: row[part] for part in KEY} for row in before["survivors"] if row["reason"]]
        hung += before["timed_out"]
        order = [mutant[:3] for mutant in made]
        survivors.sort(key=lambda row: order.index(tuple(row.values())))
    killed = len(made) - len(survivors)
    counts = {"made": len(made), "killed": killed, "timed_out": hung, "share": round(killed / len(made), 3)}
    return {"source": source, **counts, "survivors": survivors}


def explain(name: str, survivors: list[dict], reasons: list[dict]) -> list[str]:
    """Put each survivor's reason beside it; return those without, as they stand in the file, and reasons left over."""
    known = {(r["function"], r["before"], after): r["reason"] for r in reasons for after in r["after"]}
    bare, needed = defaultdict(list), set()
    for survivor in survivors:
        needed.add(key := tuple(survivor[part] for part in KEY))
        survivor["reason"] = known.get(key, "")
        if not survivor["reason"]:
            bare[survivor["function"], survivor["before"]].append(survivor["after"])
    entry = "[[{}]]\nfunction = {}\nbefore = {}\nafter = {}\nreason = \"\"  # or a test"
    wrong = [
        entry.format(name, *(json.dumps(part, ensure_ascii=False) for part in (*place, after)))
        for place, after in bare.items()
    ]
    left_over = [key for key in known if key not in needed]
    return wrong + [f"{name}.{key[0]}: the reason for this is no longer needed: {key[2]}" for key in left_over]


def table(modules: dict[str, dict]) -> str:
    """Return the counts as lines of text."""
    lines = [f"{'module':<18}{'made':>8}{'killed':>8}{'(time)':>8}{'left':>8}{'share':>8}"]
    for name, row in modules.items():
        left = row["made"] - row["killed"]
        lines.append(f"{name:<18}{row['made']:>8}{row['killed']:>8}{row['timed_out']:>8}{left:>8}{row['share']:>8.1%}")
    return "\n".join(lines)


def results() -> dict[str, dict]:
    """Return what was found last, by module."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))["modules"] if RESULTS.exists() else {}


def store(found: dict[str, dict], machine: dict) -> None:
    """Write what was found, beside what was found before in other modules."""
    every = results() | found
    content = {"command": "make mutants", "mutmut": importlib.metadata.version("mutmut"), "machine": machine}
    content["modules"] = {name: every[name] for name in MODULES if name in every}
    temporary = RESULTS.with_name(f"{RESULTS.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(RESULTS)


def main() -> None:
    """Check the modules, write the results and print them; exit with 1 where a survivor has no reason."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--modules", nargs="+", choices=MODULES, default=list(MODULES), metavar="NAME")
    parser.add_argument("--survivors", action="store_true", help="try only what survived before and has no reason")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    os.nice(max(0, 10 - os.nice(0)))
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    describe = "import json, tlutils.report; print(json.dumps(tlutils.report.machine()))"  # forks load tlutils anew
    machine = json.loads(subprocess.check_output([sys.executable, "-c", describe]))
    reasons, found, wrong = tomllib.loads(REASONS.read_text(encoding="utf-8")), {}, []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tempfile.tempdir = sys.pycache_prefix = folder  # of every fork too: none writes beside the sources
        sys.dont_write_bytecode = False
        for name in given.modules:
            before = results().get(name) if given.survivors else None
            if before:
                explain(name, before["survivors"], reasons.get(name, []))
            begun = time.monotonic()
            found[name] = check(*MODULES[name], before, given.workers, Path(folder))
            wrong += explain(name, found[name]["survivors"], reasons.get(name, []))
            store(found, machine)
            print(f"{name}: {time.monotonic() - begun:.0f} seconds", flush=True)
        tempfile.tempdir = None
    print(table(results()))
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
