"""One file from one address: whole, at a bearable pace, and not without end."""

from __future__ import annotations

import time
from pathlib import Path

from tlutils.inputs import checked
from tlutils.session import watched_by_a_person

SILENT = 30  # seconds without a byte after which a server is given up
WINDOW, SLOWEST = 60, 4096  # seconds, and bytes a second that must have come on average over so many


@checked
def download(url: str, target: Path, most: int) -> None:
    """Write what lies at `url` into the file `target`; redirections are followed to web addresses only.

    Raises OSError when the server cannot be reached, refuses, falls silent for 30 seconds, drips (less
    than 4 kB a second over a minute), breaks off, or sends more than `most` bytes, and when the file
    cannot be written; ValueError for an address that is none. What had come by then stays in the file.
    """
    import requests
    from tqdm.auto import tqdm
    from urllib3.exceptions import HTTPError

    with requests.get(url, stream=True, timeout=SILENT) as response, open(target, "wb") as file:
        response.raise_for_status()
        # read1 returns what has come; iter_content would wait for a whole piece and not see that a server drips.
        pieces = iter(lambda: response.raw.read1(2**16, decode_content=True), b"")
        hidden = not watched_by_a_person()
        done, begun, before = 0, time.monotonic(), 0
        with tqdm(total=_announced(response), unit="B", unit_scale=True, disable=hidden) as bar:
            try:
                for piece in pieces:
                    done += len(piece)
                    if done > most:
                        raise OSError(f"the server sends more than {most:,} bytes")
                    file.write(piece)
                    bar.update(len(piece))
                    seconds = time.monotonic() - begun
                    if seconds > WINDOW:
                        if done - before < SLOWEST * seconds:
                            raise OSError(f"the server is too slow: {done - before:,} bytes in {seconds:.0f} seconds")
                        begun, before = time.monotonic(), done
            except HTTPError as error:
                raise OSError(f"the connection broke after {done:,} bytes: {error}") from error


def _announced(response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
