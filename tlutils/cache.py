"""Rows that take long to compute, kept on disk: computed once, resumed after a kill, shared by processes."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import torch
from numpy import ndarray
from torch import Tensor

from tlutils.inputs import checked
from tlutils.store import cache_dir
from tlutils.tensors import check_count

HEADER = struct.Struct("<III")  # rows, columns, crc32 of these two and of the data
SHAPE = struct.Struct("<II")


@checked
def cached_rows(key: str, n: int, compute: Callable[[int], Iterator[ndarray]]) -> Tensor:
    """Return the table (n, d), float32, that `key` names: read from its file, or computed and then kept there.

    `compute(first)` yields the rows from number `first` on in float32 blocks (m, d). Each block is
    written to a log at once, so whatever ends the process costs at most one block, and the next call goes
    on from there. Processes that want the same table wait for the first. The table is a private copy: editing it
    does not change the file. A cache that cannot be written costs a warning, not the computation.

    Raises ValueError for a key that is no plain name, and when `compute` yields other blocks or another number of rows.
    Taught in notebook 06.
    """
    from filelock import FileLock

    check_count("n", n, most=2**32 - 1)
    if not re.fullmatch(r"[\w-]{1,100}", key, re.ASCII):
        raise ValueError(f"key must be letters, digits, - and _, it names a file; got {key!r:.60}")
    folder = cache_dir() / "features"
    final, part = folder / f"{key}.npy", folder / f"{key}.part"
    table = _finished(final, n)
    if table is not None:
        with suppress(OSError):  # left there by a kill at the very end
            part.unlink(missing_ok=True)
        return table
    lock = FileLock(folder / f"{key}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        _warn(folder, str(error))
        return torch.from_numpy(joined(n, compute(0)))
    try:
        table = _finished(final, n)  # another process was faster
        return _computed(final, part, n, compute) if table is None else table
    finally:
        lock.release()


def _computed(final: Path, part: Path, n: int, compute: Callable[[int], Iterator[ndarray]]) -> Tensor:
    with closing(_Log(part)) as log, closing(_logged(log, compute)) as blocks:
        table = joined(n, blocks)
    if log.file:
        try:
            _write(final, table)
            part.unlink(missing_ok=True)
        except OSError as error:
            _warn(final.parent, str(error))
    return torch.from_numpy(table)


def _logged(log: _Log, compute: Callable[[int], Iterator[ndarray]]) -> Generator[ndarray]:
    """Yield the blocks of the log, then compute the rest and add it to the log."""
    done = 0
    for block in log.read():
        done += len(block)
        yield block
    given = compute(done)
    if not isinstance(given, Iterable):
        raise ValueError(f"compute must yield blocks of rows, it returned {type(given).__name__}")
    for block in given:
        _check_block(block)
        log.append(block)
        yield block


class _Log:
    """A file of blocks (m, d): a header with the shape and a checksum, then the numbers; again and again.

    `file` is None once the log could not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, None
        try:
            self.file = open(path, "a+b")  # noqa: SIM115 (close is what closes it)
        except OSError as error:
            self._give_up(error)

    def read(self) -> Iterator[ndarray]:
        """Yield the blocks that are whole, and cut off what a kill left behind them."""
        import numpy as np

        if not self.file:
            return
        self.file.seek(0)
        left = os.fstat(self.file.fileno()).st_size
        whole = 0
        while left >= HEADER.size:
            head = self.file.read(HEADER.size)
            rows, columns, checksum = HEADER.unpack(head)
            size = 4 * rows * columns
            if not 0 < size <= left - HEADER.size:
                break
            data = self.file.read(size)
            if zlib.crc32(data, zlib.crc32(head[: SHAPE.size])) != checksum:
                break
            left -= HEADER.size + size
            whole += HEADER.size + size
            yield np.frombuffer(data, np.float32).reshape(rows, columns)
        self.file.truncate(whole)

    def append(self, block: ndarray) -> None:
        """Add a block, on the disk before this returns."""
        if not self.file:
            return
        shape, data = SHAPE.pack(*block.shape), block.tobytes()
        try:
            self.file.write(shape + struct.pack("<I", zlib.crc32(data, zlib.crc32(shape))) + data)
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; a closed log still tells by `file` whether it was written to the end."""
        if self.file:
            self.file.close()

    def _give_up(self, error: OSError) -> None:
        with suppress(OSError):  # closing would write what could not be written
            self.close()
        self.file = None
        _warn(self.path.parent, str(error))


@checked
def joined(n: int, blocks: Iterable[ndarray]) -> ndarray:
    """Return the blocks as one table (n, d), float32.

    Raises ValueError for what is no block (m, d), float32, of the same d, and when they are not n rows in all.
    """
    import numpy as np

    check_count("n", n, most=2**32 - 1)

    table, done = None, 0
    for block in blocks:
        _check_block(block)
        if table is None:
            table = np.empty((n, block.shape[1]), np.float32)
        if block.shape[1] != table.shape[1] or done + len(block) > n:
            wanted = f"at most {n - done} more rows of {table.shape[1]} columns"
            raise ValueError(f"{wanted} were wanted, {len(block)} of {block.shape[1]} came")
        table[done : done + len(block)] = block
        done += len(block)
    if done < n:
        raise ValueError(f"{n} rows were wanted, only {done} came")
    return table


def _check_block(block: ndarray) -> None:
    if getattr(block, "ndim", 0) != 2 or str(getattr(block, "dtype", "")) != "float32":
        raise ValueError(f"a block must be an array (m, d) of float32, got {type(block).__name__}")


def _finished(path: Path, n: int) -> Tensor | None:
    """Return the table of a finished file, mapped copy-on-write; None when there is none or it is damaged."""
    import numpy as np

    try:
        table = np.load(path, mmap_mode="c")
    except Exception:  # there is no file, or a damaged header, for which NumPy raises all sorts of things
        return None
    wanted = isinstance(table, np.memmap) and table.dtype == np.float32 and table.ndim == 2 and len(table) == n
    if not wanted or not table.flags.c_contiguous or table.offset + table.nbytes != path.stat().st_size:
        return None
    return torch.from_numpy(table)


def _write(path: Path, table: ndarray) -> None:
    """Write the whole file or none: to a temporary name first, safely on the disk before it takes its own."""
    import numpy as np

    temporary = path.with_suffix(".tmp")  # one name is enough: the lock is held
    try:
        with open(temporary, "wb") as file:
            np.save(file, table)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@cache  # once for each folder and reason: a notebook calls this in loops, and IPython would show every warning
def _warn(folder: Path, reason: str) -> None:
    warnings.warn(
        f"the cache in {folder} cannot be written ({reason}): computing without it. "
        "Free some space there, or set TLUTILS_CACHE to a folder that can be written",
        stacklevel=2,
    )
