"""Where files come from: the package, a mirror, the cache, the network; each checked by its hash."""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path

from tlutils.download import download
from tlutils.errors import unknown
from tlutils.inputs import checked

PLAIN = re.compile(r"(\w[\w.-]*/)+\w[\w.-]*")  # names that stay in their folder
LARGEST = 2**32  # bytes of a file whose size nobody wrote down


def data_dir() -> Path:
    """Return the folder of embedded data: `data/` in a checkout, `tlutils/data/` in an installation."""
    here = Path(__file__).resolve().parent
    return next(folder for folder in (here / "data", here.parent / "data") if (folder / "manifest.json").exists())


def cache_dir() -> Path:
    """Return the folder for downloads and computed files: $TLUTILS_CACHE or the user's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("TLUTILS_CACHE") or user_cache_path("tlutils"))


@cache
def manifest() -> dict[str, dict]:
    """Return every downloadable file by name `folder/file`: urls, sha256, bytes, licence, citation.

    An entry has `md5` in place of `sha256` where the publisher names nothing stronger; a sha256 of
    fewer than 64 digits is its beginning, where the publisher wrote only that into the file's name.
    Raises ValueError when the list is damaged: a hash that is none would let any file pass.
    """
    path = data_dir() / "manifest.json"
    try:
        files = dict(json.loads(path.read_text(encoding="utf-8"))["files"])
        damaged = [name for name, entry in files.items() if not _complete(name, entry)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as a list of files ({error!r}): install tlutils again") from error
    if damaged:
        raise ValueError(f"{path}: the entry {damaged[0]!r} is damaged: install tlutils again")
    return files


def _complete(name: str, entry: dict) -> bool:
    """Return whether a name stays in its folder, and its entry has addresses, hashes and a size."""
    kind, accepted = _hashes(entry)
    return (
        PLAIN.fullmatch(name) is not None
        and isinstance(entry["urls"], list)
        and all(re.match("https?://", url) for url in entry["urls"])
        and isinstance(accepted, list)
        and len(accepted) > 0
        and all(re.fullmatch("[0-9a-f]{8,64}" if kind == "sha256" else "[0-9a-f]{32}", value) for value in accepted)
        and isinstance(entry["bytes"], int)
        and entry["bytes"] > 0
    )


@checked
def fetch(name: str) -> Path:
    """Return the path of a file of the manifest, checked; download it if it is nowhere yet.

    Looked for in `$TLUTILS_DATA/name` (a mirror), then in the user's cache, then at its public
    sources. Raises ValueError for an unknown name or a mirror file with a wrong hash, OSError when
    no source could be reached; the message says where the file may be put by hand.
    """
    if name not in manifest():
        raise unknown("file", name, manifest())
    return _fetch(name, manifest()[name])


@checked
def fetch_published(folder: str, url: str) -> Path:
    """Return the path of a file whose public name carries its sha256's beginning, as `resnet50-11ad3fa6.pth` does.

    Looked for as `folder/file` like every other; checked by its entry in the manifest, or else by
    those digits alone, as torch.hub does. Raises ValueError and OSError as `fetch` does, ValueError for a name
    without digits or one that leads out of its folder.
    """
    name = f"{folder}/{url.rpartition('/')[2]}"
    beginning = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if not beginning or not PLAIN.fullmatch(name):
        raise ValueError(f"{url} does not carry the beginning of its sha256: it cannot be checked")
    return _fetch(name, manifest().get(name) or {"urls": [url], "sha256": [beginning[1]]})


def _fetch(name: str, entry: dict) -> Path:
    mirror = os.environ.get("TLUTILS_DATA")
    if mirror and (Path(mirror) / name).exists():
        return _checked(Path(mirror) / name, entry)
    target = cache_dir() / name
    if target.exists() and _matches(target, entry):
        return target
    return _download(name, entry, target)


@checked
def available(name: str) -> bool:
    """Return whether `fetch(name)` can answer without the network."""
    places = [cache_dir() / name]
    if os.environ.get("TLUTILS_DATA"):
        places.insert(0, Path(os.environ["TLUTILS_DATA"]) / name)
    return any(place.exists() for place in places)


@checked
def sha256(path: str | Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits. Raises OSError when it cannot be read."""
    return _digest(path, "sha256")


@checked
def write_json(path: Path, content: object) -> None:
    """Write content as JSON to path: to a temporary file first, so that the old one survives a crash.

    Raises TypeError for content that JSON does not know, OSError when the file cannot be written.
    """
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        encoded = f"{text}\n".encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{path.name} cannot be written as JSON: {error}") from error
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(encoded)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(path: str | Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _hashes(entry: dict) -> tuple[str, list[str]]:
    """Return the kind of an entry's hash and its accepted values. An md5 shows damage, but no forgery."""
    kind = "sha256" if "sha256" in entry else "md5"
    return kind, entry[kind]


def _matches(path: Path, entry: dict) -> bool:
    kind, accepted = _hashes(entry)
    return _digest(path, kind).startswith(tuple(accepted))


def _checked(path: Path, entry: dict) -> Path:
    if not _matches(path, entry):
        kind, _ = _hashes(entry)
        raise ValueError(
            f"{path} is not the expected file: its {kind} is {_digest(path, kind)}, "
            f"expected {_expected(entry)}; delete it or replace it"
        )
    return path


def _expected(entry: dict) -> str:
    kind, accepted = _hashes(entry)
    digits = 2 * hashlib.new(kind).digest_size
    return " or ".join(value if len(value) == digits else f"{value}…" for value in accepted)


def _download(name: str, entry: dict, target: Path) -> Path:
    from filelock import FileLock

    part = target.with_name(f"{target.name}.part")
    most = 2 * entry.get("bytes", LARGEST // 2)  # the same content may come in another, larger packing
    problems = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if target.exists() and _matches(target, entry):
                return target  # another process was faster
            for url in entry["urls"]:
                try:
                    download(url, part, most)
                    _checked(part, entry).replace(target)  # nothing unchecked takes the name
                    return target
                except (ValueError, OSError) as error:
                    problems.append(f"{url}: {error}")
                finally:  # even when the reader interrupts
                    part.unlink(missing_ok=True)
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        problems.append(f"{target.parent}: {error}")
    reasons = "\n  ".join(problems) or "it has no public address; the manifest's note says how it is made"
    size = f" ({entry['bytes'] / 1e6:.1f} MB)" if "bytes" in entry else ""
    raise OSError(
        f"could not get {name}{size}:\n  {reasons}\n"
        f"Without network, put the file at {target}, or into a mirror at $TLUTILS_DATA/{name}. "
        f"Its {_hashes(entry)[0]} must be {_expected(entry)}."
    )
