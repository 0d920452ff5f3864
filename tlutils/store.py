"""Where files come from: the package, a mirror, the cache, the network; each checked by its hash."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from tlutils.errors import unknown
from tlutils.session import watched_by_a_person


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
    """Return every downloadable file by name `folder/file`: urls, sha256, bytes, licence, citation."""
    return json.loads((data_dir() / "manifest.json").read_text(encoding="utf-8"))["files"]


def fetch(name: str) -> Path:
    """Return the path of a file of the manifest, checked; download it if it is nowhere yet.

    Looked for in `$TLUTILS_DATA/name` (a mirror), then in the user's cache, then at its public
    sources. Raises ValueError for an unknown name or a mirror file with a wrong hash, OSError when
    no source could be reached; the message says where the file may be put by hand.
    """
    if name not in manifest():
        raise unknown("file", name, manifest())
    entry = manifest()[name]
    mirror = os.environ.get("TLUTILS_DATA")
    if mirror and (Path(mirror) / name).exists():
        return _checked(Path(mirror) / name, entry)
    target = cache_dir() / name
    if target.exists() and sha256(target) in entry["sha256"]:
        return target
    return _download(name, entry, target)


def available(name: str) -> bool:
    """Return whether `fetch(name)` can answer without the network."""
    places = [cache_dir() / name]
    if os.environ.get("TLUTILS_DATA"):
        places.insert(0, Path(os.environ["TLUTILS_DATA"]) / name)
    return any(place.exists() for place in places)


def sha256(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, content: object) -> None:
    """Write content as JSON to path: to a temporary file first, so that the old one survives a crash."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _checked(path: Path, entry: dict) -> Path:
    found = sha256(path)
    if found not in entry["sha256"]:
        raise ValueError(
            f"{path} is not the expected file: its sha256 is {found}, expected {' or '.join(entry['sha256'])}; "
            "delete it or replace it"
        )
    return path


def _download(name: str, entry: dict, target: Path) -> Path:
    import pooch
    from filelock import FileLock
    from requests import RequestException

    problems = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if target.exists() and sha256(target) in entry["sha256"]:
                return target  # another process was faster
            for url in entry["urls"]:
                try:
                    # pooch writes to a temporary file, checks the hash, then renames.
                    pooch.retrieve(
                        url,
                        known_hash=f"sha256:{entry['sha256'][0]}",
                        fname=target.name,
                        path=target.parent,
                        progressbar=watched_by_a_person(),
                    )
                    return target
                except (RequestException, ValueError, OSError) as error:
                    problems.append(f"{url}: {error}")
    except OSError as error:
        problems.append(f"{target.parent}: {error}")
    reasons = "\n  ".join(problems) or "it has no public address; the manifest's note says how it is made"
    raise OSError(
        f"could not get {name} ({entry['bytes'] / 1e6:.1f} MB):\n  {reasons}\n"
        f"Without network, put the file at {target}, or into a mirror at $TLUTILS_DATA/{name}. "
        f"Its sha256 must be {entry['sha256'][0]}."
    )
