"""Feed damaged copies of real files to every loader; `make fuzz` runs this, ten minutes long.

Each must answer with a documented error (ValueError or OSError, of just these kinds, that names the
file or the data) or a valid result. Anything else is a crash: another exception, a decoder's bare one,
a process that dies, ten seconds without an answer, 2 GiB of memory. Crashes are printed by kind with the
seed that repeats them: `python .ci/fuzz.py --seed N`. The mirror of real data is $TLUTILS_DATA.

The mirror's loaders check hashes before they parse; here that check is off, so that parsing is reached.
It needs fork and limits as Linux has them.
"""

import argparse
import gzip
import io
import math
import multiprocessing
import os
import random
import re
import resource
import secrets
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".ci")]

PATIENCE, MEMORY = 10, 2**31  # seconds and bytes for one input
DOCUMENTED = (ValueError, OSError, FileNotFoundError, IsADirectoryError, NotADirectoryError)
# Data of the course, which errors name in the place of a file.
DATA = (
    *("MNIST", "USPS", "MNIST-M", "PneumoniaMNIST", "blood cells"),
    *(r"CIFAR-10 \(JPEG\)", "ants and bees", "traffic signs"),
    *("SST-2", "AG News", "Amazon", "ChnSentiCorp"),
)
TOKENS = (b"null", b"-1", b"1e999", b"NaN", b'"../x"', b'"/etc/passwd"', b"[]", b"{}", b"0", b"99999999999999999999")
ODD = (b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0")


def damaged(content: bytes, chance: random.Random, magics: list[bytes]) -> bytes:
    """Return content after one to three kinds of damage."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        content = chance.choice(DAMAGES)(bytearray(content or b"\0"), chance, magics)
    return bytes(content)


def _flipped(content, chance, magics):
    for _ in range(chance.choice((1, 2, 16))):
        content[chance.randrange(min(len(content), chance.choice((64, 1024, 2**30))))] ^= 1 << chance.randrange(8)
    return content


def _cut_short(content, chance, magics):
    return content[: chance.randrange(len(content))]


def _block(content, chance):
    start = chance.randrange(len(content))
    return start, start + chance.randint(1, 2 ** chance.randint(0, 14))


def _repeated(content, chance, magics):
    start, end = _block(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 3)) + content[end:]


def _lost(content, chance, magics):
    start, end = _block(content, chance)
    return content[:start] + content[end:]


def _zeros(content, chance, magics):
    start, end = _block(content, chance)
    return content[:start] + bytes(end - start) + content[start:]


def _other_magic(content, chance, magics):
    magic = chance.choice(magics)
    return bytearray(magic) + content[len(magic) :]


def _odd_number(content, chance, magics):
    start, odd = chance.randrange(min(len(content), chance.choice((256, 2**30)))), chance.choice(ODD)
    return content[:start] + odd + content[start + len(odd) :]


def _other_token(content, chance, magics):
    """Put another value in the place of a word, a number or a string: what reaches behind JSON's and CSV's form."""
    found = list(re.finditer(rb'"[^"\n]{0,80}"|-?[\w.]+|\[[^\[\]]*\]', content[:20000]))
    if not found:
        return content
    start, end = chance.choice(found).span()
    return content[:start] + chance.choice(TOKENS) + content[end:]


DAMAGES = (_flipped, _cut_short, _repeated, _lost, _zeros, _other_magic, _odd_number, _other_token, _other_token)


def packed_anew(name: str, content: bytes, chance: random.Random, magics: list[bytes]) -> bytes:
    """Return damage done inside an archive or behind gzip's checksum, where its own checks do not see it."""
    if name.endswith((".zip", ".npz")):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
            victim = chance.choice(old.namelist())
            for member in old.namelist():
                inner = old.read(member)
                new.writestr(member, damaged(inner, chance, magics) if member == victim else inner)
        return target.getvalue()
    return gzip.compress(damaged(gzip.decompress(content), chance, magics), 1)


def one(seed: int, targets: dict, folder: Path, magics: list[bytes]) -> tuple[str, str]:
    """Damage one file, load it, restore it; return `valid`, `refused` or `crash`, and the target with the reason."""
    chance = random.Random(seed)
    name = chance.choice(sorted(targets))
    files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
    victim = chance.choice(files)
    content = victim.read_bytes()
    packed = victim.name.endswith((".zip", ".npz", ".gz")) and chance.random() < 0.5
    bad = packed_anew(victim.name, content, chance, magics) if packed else damaged(content, chance, magics)
    victim.write_bytes(bad)
    try:
        targets[name](folder / name)
        return "valid", name
    except DOCUMENTED as error:
        text = str(error)
        if type(error) not in DOCUMENTED or not re.search(f"{re.escape(str(folder))}|^({'|'.join(DATA)}), ", text):
            return "crash", f"{name}: {type(error).__name__} without a file: {text[:150]}"
        return "refused", name
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "tlutils" in frame.filename or "fuzz" in frame.filename][-1]
        place = f"{Path(ours.filename).name}, line {ours.lineno}"
        return "crash", f"{name}: {type(error).__name__} in {place}: {str(error)[:150]}"
    finally:
        victim.write_bytes(content)


def prepared(mirror: Path, folder: Path) -> dict:
    """Write every kind of input into a folder, and load it undamaged; return the loaders by kind."""
    import torch
    from fuzz_targets import TARGETS, prepare

    torch.set_num_threads(1)  # the inputs are tried in forks of this process, which threads would not survive
    targets = {name: load for name, load in TARGETS.items() if prepare(name, mirror, folder / name)}
    for name, load in targets.items():
        load(folder / name)
    print(f"{len(targets)} of {len(TARGETS)} kinds of input", end="; ", flush=True)
    return targets


def work(pipe, seed: int, targets: dict, folder: Path) -> None:
    """Try seed after seed in a process of its own, and tell each before and after."""
    warnings.simplefilter("ignore")
    magics = [path.read_bytes()[:8] for path in sorted(folder.rglob("*")) if path.is_file()]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders written in C complain there
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * MEMORY, resource.RLIM_INFINITY))  # keeps the machine alive
    before = _most_memory()
    while True:
        pipe.send(("tried", seed))
        found = one(seed, targets, folder, magics)
        if _most_memory() > before + MEMORY:  # a mark that never falls, so this process is of no more use
            pipe.send(("crash", "too much memory"))
            return
        pipe.send(found)
        seed += 1


def _most_memory() -> int:
    """Return the largest number of bytes that this process has held so far; what was only asked for does not count."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fuzz(seconds: float, first: int, mirror: Path, most: float = math.inf) -> tuple[Counter, dict[str, list]]:
    """Run for some seconds, or `most` inputs; return the outcomes' counts and the crashes: reason, seeds and texts."""
    counts, crashes, seed = Counter(), defaultdict(list), first
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        samples = Path(folder) / "samples"
        targets = prepared(mirror, samples)
        end = time.monotonic() + seconds
        while time.monotonic() < end and counts.total() < most:
            here = Path(folder) / str(seed)  # of this process alone: one that dies leaves its input damaged
            shutil.copytree(samples, here)
            for told, text in _told(seed, targets, here, end):
                if told == "tried":
                    seed = text
                    continue
                counts[told] += 1
                if told == "crash":
                    crashes[re.sub(r"\d+", "N", ":".join(text.split(":")[:2]))].append((seed, text))
                if counts.total() >= most:
                    break
            shutil.rmtree(here)
            seed += 1
    return counts, crashes


def _told(seed: int, targets: dict, folder: Path, end: float) -> Iterator[tuple[str, object]]:
    """Yield what a new process tells, until the time is over, or it dies or falls silent: that is a crash too."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, seed, targets, folder))
    process.start()
    theirs.close()
    try:
        while time.monotonic() < end:
            if not ours.poll(PATIENCE):
                yield "crash", f"no answer in {PATIENCE} seconds"
                return
            yield ours.recv()
    except EOFError:
        process.join()
        if process.exitcode:
            yield "crash", f"the process died ({process.exitcode})"
    finally:
        process.kill()
        process.join()


def main() -> None:
    """Fuzz for the given time and print what came of it; exit with 1 after a crash."""
    from tlutils.report import record

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="repeat this one input")
    parser.add_argument("--first", type=int, help="begin with this seed (default: another one each time)")
    parser.add_argument("--inputs", type=float, default=math.inf, help="stop after so many, if there is time")
    given = parser.parse_args()
    mirror = Path(os.environ.get("TLUTILS_DATA") or ROOT.parent / "shared" / "data")
    first = given.seed if given.seed is not None else secrets.randbelow(10**9) if given.first is None else given.first
    begun = time.monotonic()
    counts, crashes = fuzz(given.seconds, first, mirror, given.inputs if given.seed is None else 1)
    print(
        f"{counts.total():,} inputs from seed {first} in {time.monotonic() - begun:.0f} seconds: "
        f"{counts['refused']:,} refused, {counts['valid']:,} valid, {counts['crash']:,} crashes"
    )
    tried = counts.total()
    record(what="Damaged real files, given to a loader", times=tried, survived=tried - counts["crash"])
    for reason, found in sorted(crashes.items(), key=lambda item: -len(item[1])):
        print(f"  {len(found):,} × {reason}; --seed {found[0][0]} repeats it: {found[0][1]}")
    sys.exit(bool(crashes))


if __name__ == "__main__":
    main()
