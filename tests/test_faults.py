"""A bad day, on purpose: each fault must end with the right file or one clear error, and leave nothing behind.

Every test notes what it injects with `fault`; the run prints the table at its end.
"""

import ast
import contextlib
import ctypes
import errno
import gzip
import hashlib
import importlib
import io
import json
import multiprocessing
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tlutils import cache, datasets, download, features, own_model, store, weights
from tlutils.datasets.archives import open_zip

ROOT = Path(__file__).resolve().parent.parent
NAME, CONTENT = "folder/file.bin", bytes(range(256)) * 4096  # a megabyte
ENTRY = {"sha256": [hashlib.sha256(CONTENT).hexdigest()], "bytes": len(CONTENT)}
TABLE = np.arange(4000, dtype=np.float32).reshape(1000, 4)
processes = pytest.mark.skipif(sys.platform == "win32", reason="kills and limits as POSIX has them")


# --------------------------------------------------------------- a server with bad days


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.server.asked.append(self.path)
        with_body = getattr(self, self.path.strip("/").replace("-", "_"))
        with contextlib.suppress(OSError):  # the client gave up, as it should
            with_body()

    def start(self, status=200, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def right(self):
        self.start(Content_Length=str(len(CONTENT)))
        self.wfile.write(CONTENT)

    def halting(self):
        """Send half, and the rest when the test says so."""
        self.start(Content_Length=str(len(CONTENT)))
        self.wfile.write(CONTENT[: len(CONTENT) // 2])
        self.server.half.set()
        self.server.go_on.wait(20)
        self.wfile.write(CONTENT[len(CONTENT) // 2 :])

    def wrong(self):
        self.start()
        self.wfile.write(b"a page of the hotel's network: please log in")

    def truncated(self):
        self.start(Content_Length=str(len(CONTENT)))
        self.wfile.write(CONTENT[: len(CONTENT) // 2])

    def truncated_unannounced(self):
        self.start()
        self.wfile.write(CONTENT[:-1])

    def reset(self):
        self.start(Content_Length=str(len(CONTENT)))
        self.wfile.write(CONTENT[:5000])
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def silent(self):
        self.start(Content_Length=str(len(CONTENT)))
        self.server.go_on.wait(20)

    def dripping(self):
        self.start(Content_Length=str(len(CONTENT)))
        while not self.server.go_on.wait(0.05):
            self.wfile.write(b"x")

    def endless(self):
        self.start()
        while True:
            self.wfile.write(CONTENT)

    def gone(self):
        self.start(404)

    def broken(self):
        self.start(500)

    def nonsense(self):
        self.wfile.write(b"\0\1\2 this is not HTTP\r\n\r\n")

    def bad_gzip(self):
        self.start(Content_Encoding="gzip")
        self.wfile.write(b"not gzip at all" * 100)

    def gzipped(self):
        self.start(Content_Encoding="gzip")
        self.wfile.write(gzip.compress(CONTENT))

    def chunked(self, pieces=8):
        self.protocol_version = "HTTP/1.1"
        self.start(Transfer_Encoding="chunked", Connection="close")
        for piece in range(pieces):
            self.wfile.write(b"%x\r\n" % 2**17 + CONTENT[piece * 2**17 : (piece + 1) * 2**17] + b"\r\n")
        self.wfile.write(b"0\r\n\r\n" if pieces == 8 else b"")

    def chunked_and_cut(self):
        self.chunked(pieces=5)

    def to_file(self):
        self.start(302, Location=f"file://{ROOT / 'LICENSE-CODE'}")

    def to_ftp(self):
        self.start(302, Location="ftp://127.0.0.1/file.bin")

    def to_data(self):
        self.start(302, Location="data:text/plain,wrong")

    def to_itself(self):
        self.start(302, Location=self.path)

    def to_right(self):
        self.start(302, Location="/right")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.asked = True, []
    server.half, server.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def offer(server, monkeypatch, tmp_path):
    """An empty cache, no mirror, an impatient client; a function that sets the one file's addresses."""
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "SILENT", 0.4)
    monkeypatch.setattr(download, "WINDOW", 0.4)

    def at(*paths):
        entry = ENTRY | {"urls": [f"http://127.0.0.1:{server.server_port}/{path}" for path in paths]}
        monkeypatch.setattr(store, "manifest", lambda: {NAME: entry})
        return entry

    return at


def left_in(folder):
    return sorted(p.name for p in Path(folder).rglob("*") if p.is_file() and not p.name.endswith(".lock"))


SAID = {
    "wrong": "another page instead of the file",
    "truncated": "cut short",
    "truncated-unannounced": "cut short, without a length announced",
    "chunked-and-cut": "cut short, sent in chunks",
    "reset": "connection reset",
    "silent": "server falls silent",
    "dripping": "server drips",
    "endless": "server sends without end",
    "gone": "status 404",
    "broken": "status 500",
    "nonsense": "what is not HTTP",
    "bad-gzip": "a broken encoding",
    "to-file": "redirected to file:",
    "to-ftp": "redirected to ftp:",
    "to-data": "redirected to data:",
    "to-itself": "redirected in a circle",
    "to-right": "redirected to the right file",
    "chunked": "sent in chunks",
    "gzipped": "sent compressed",
}
BAD_DAYS = (
    *("wrong", "truncated", "truncated-unannounced", "reset", "silent", "dripping", "endless", "gone", "broken"),
    *("nonsense", "bad-gzip", "chunked-and-cut", "to-file", "to-ftp", "to-data", "to-itself"),
)


@pytest.mark.parametrize("path", BAD_DAYS)
def test_a_bad_server_is_one_clear_error_and_the_next_address_is_asked(offer, server, tmp_path, fault, path):
    fault(f"download: {SAID.get(path, path)}", 2)
    offer(path)
    with pytest.raises(OSError) as caught:
        store.fetch(NAME)
    assert type(caught.value) is OSError and f"could not get {NAME}" in str(caught.value) and path in str(caught.value)
    assert left_in(tmp_path) == []
    offer(path, "right")
    assert store.fetch(NAME).read_bytes() == CONTENT and left_in(tmp_path) == ["file.bin"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("dripping", "too slow: .* bytes in"), ("endless", "more than"), ("to-file", "No connection adapters.*file:")],
)
def test_the_error_says_what_the_server_did(offer, path, reason):
    offer(path)
    with pytest.raises(OSError, match=reason):
        store.fetch(NAME)


@pytest.mark.parametrize("path", ["to-right", "chunked", "gzipped"])
def test_ways_of_sending_the_right_file(offer, fault, path):
    fault(f"download: {SAID.get(path, path)}")
    offer(path)
    assert store.fetch(NAME).read_bytes() == CONTENT


def test_no_network_is_one_clear_error(offer, no_network, tmp_path, fault):
    fault("download: no network")
    offer("right")
    with pytest.raises(OSError, match="Without network, put the file at"):
        store.fetch(NAME)
    assert left_in(tmp_path) == []


def test_an_impatient_reader_leaves_no_half_file(offer, monkeypatch, tmp_path, fault):
    fault("download: interrupted by the reader (Ctrl-C)")
    offer("right")

    def interrupted(url, target, most):
        target.write_bytes(CONTENT[:1000])
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.fetch(NAME)
    assert left_in(tmp_path) == []


def test_a_file_system_without_locks_is_one_clear_error(offer, monkeypatch, fault):
    fault("download: a file system without locks")
    offer("right")

    def refuse(*args, **kwargs):
        raise NotImplementedError("this file system has no locks")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(OSError, match="has no locks"):
        store.fetch(NAME)


# --------------------------------------------------------------- what lies in the cache and in the mirror


@pytest.mark.parametrize(
    "content", [CONTENT[:-1], b"", b"the file of last year's version" * 99], ids=["cut short", "empty", "older version"]
)
def test_a_cached_file_that_is_not_the_right_one_is_replaced(offer, tmp_path, fault, request, content):
    fault(f"cache: the file is {request.node.callspec.id}")
    offer("right")
    (tmp_path / "cache" / "folder").mkdir(parents=True)
    (tmp_path / "cache" / NAME).write_bytes(content)
    (tmp_path / "cache" / f"{NAME}.part").write_bytes(CONTENT[:99])
    assert store.fetch(NAME).read_bytes() == CONTENT and left_in(tmp_path) == ["file.bin"]


def test_half_a_mirror_gives_what_it_has_and_the_rest_is_downloaded(offer, server, monkeypatch, tmp_path, fault):
    fault("mirror: half of the files")
    entry = offer("right")
    monkeypatch.setattr(store, "manifest", lambda: {NAME: entry, "folder/other.bin": entry})
    (tmp_path / "mirror" / "folder").mkdir(parents=True)
    (tmp_path / "mirror" / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("TLUTILS_DATA", str(tmp_path / "mirror"))
    assert store.fetch(NAME) == tmp_path / "mirror" / NAME and server.asked == []
    assert store.fetch("folder/other.bin").read_bytes() == CONTENT and server.asked == ["/right"]


@pytest.mark.parametrize("content", [CONTENT[:-1], b""], ids=["cut short", "empty"])
def test_a_damaged_file_of_the_mirror_is_one_clear_error(offer, monkeypatch, tmp_path, fault, request, content):
    fault(f"mirror: a file is {request.node.callspec.id}")
    offer("right")
    (tmp_path / "folder").mkdir()
    (tmp_path / NAME).write_bytes(content)
    monkeypatch.setenv("TLUTILS_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="is not the expected file: its sha256 is .* delete it or replace it"):
        store.fetch(NAME)
    assert (tmp_path / NAME).read_bytes() == content, "the mirror is the reader's own"


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files[NAME].pop("sha256"),
        lambda files: files[NAME].update(sha256=[""]),  # with which every file would begin
        lambda files: files[NAME].update(sha256=[]),
        lambda files: files[NAME].update(urls="https://example.org"),
        lambda files: files[NAME].update(urls=["file:///etc/passwd"]),
        lambda files: files[NAME].update(bytes=None),
        lambda files: files.update({"../outside/file.bin": files[NAME]}),
        lambda files: files.update({"folder/..": files[NAME]}),
        lambda files: files.update({NAME: None}),
    ],
)
def test_a_damaged_manifest_is_one_clear_error(monkeypatch, tmp_path, fault, change):
    fault("manifest: an entry is damaged")
    files = {NAME: ENTRY | {"urls": ["https://example.org/file.bin"]}}
    change(files)
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    monkeypatch.setattr(store, "data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match="manifest.json.*install tlutils again"):
        store.manifest.__wrapped__()


def test_a_failed_write_of_json_keeps_the_old_file_and_leaves_nothing(monkeypatch, tmp_path, fault):
    fault("results: the disk is full while JSON is written")
    with pytest.raises(TypeError, match=r"a.json cannot be written as JSON: .*set is not JSON serializable"):
        store.write_json(tmp_path / "a.json", {"set": {1}})
    assert not list(tmp_path.iterdir())
    store.write_json(tmp_path / "a.json", {"old": 1})
    monkeypatch.setattr(Path, "replace", lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "disk full")))
    with pytest.raises(OSError, match="disk full"):
        store.write_json(tmp_path / "a.json", {"new": 2})
    assert left_in(tmp_path) == ["a.json"] and json.loads((tmp_path / "a.json").read_text()) == {"old": 1}


# --------------------------------------------------------------- real processes


@pytest.fixture(scope="module")
def start():
    """Return a function that runs another one in a process of its own, with the end of a pipe for its answer."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tlutils.features", "filelock", "platformdirs", "requests", "tqdm.auto", "pytest"])

    def begin(function, *args):
        ours, theirs = context.Pipe()
        process = context.Process(target=_answering, args=(theirs, function, args))
        process.start()
        theirs.close()
        return process, ours

    return begin


def _answering(pipe, function, args):
    torch.set_num_threads(1)
    try:
        pipe.send(function(*args))
    except Exception as error:
        pipe.send((type(error).__name__, str(error)))


def answer(started):
    process, pipe = started
    assert pipe.poll(30), "no answer in 30 seconds"
    found = pipe.recv()
    process.join(30)
    return found


def fetching(folder, entry):
    """Fetch the one file into a cache of its own; return it whole."""
    os.environ["TLUTILS_CACHE"] = str(folder)
    os.environ.pop("TLUTILS_DATA", None)
    os.environ["no_proxy"] = "127.0.0.1"
    store.manifest = lambda: {NAME: entry}
    return store.fetch(NAME).read_bytes()


@processes
def test_four_processes_at_once_get_one_file_from_one_download(offer, server, start, tmp_path, fault):
    fault("download: four processes at once")
    entry = offer("halting")
    running = [start(fetching, tmp_path / "cache", entry) for _ in range(4)]
    assert server.half.wait(20)
    time.sleep(0.1)
    server.go_on.set()
    assert all(answer(process) == CONTENT for process in running)
    assert server.asked == ["/halting"] and left_in(tmp_path) == ["file.bin"]


@processes
def test_a_kill_in_the_middle_of_a_download_does_no_harm(offer, server, start, tmp_path, fault):
    fault("download: kill -9 in the middle", 3)
    entry = offer("halting")
    for _ in range(3):
        server.half.clear()
        process, _ = start(fetching, tmp_path / "cache", entry)
        assert server.half.wait(20)
        while not left_in(tmp_path):
            time.sleep(0.002)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert left_in(tmp_path) == ["file.bin.part"], "the half file has another name"
        assert not store.available(NAME)
    server.go_on.set()
    assert answer(start(fetching, tmp_path / "cache", entry)) == CONTENT
    assert left_in(tmp_path) == ["file.bin"]


@processes
def test_a_process_that_waits_goes_on_when_the_first_is_killed(offer, server, start, tmp_path, fault):
    fault("download: kill -9 while another process waits")
    entry = offer("halting")
    first, _ = start(fetching, tmp_path / "cache", entry)
    assert server.half.wait(20)
    waiting = start(fetching, tmp_path / "cache", entry)
    time.sleep(0.2)
    first.kill()
    server.go_on.set()
    assert answer(waiting) == CONTENT and left_in(tmp_path) == ["file.bin"]


def blocks(first):
    for start in range(first, len(TABLE), 100):
        time.sleep(0.02)
        yield TABLE[start : start + 100]


def computing(folder):
    os.environ["TLUTILS_CACHE"] = str(folder)
    return cache.cached_rows("key", len(TABLE), blocks).numpy()


@processes
def test_four_processes_at_once_compute_one_table(start, tmp_path, fault):
    fault("feature cache: four processes at once")
    running = [start(computing, tmp_path) for _ in range(4)]
    assert all(np.array_equal(answer(process), TABLE) for process in running)
    assert left_in(tmp_path) == ["key.npy"]


@processes
def test_a_kill_in_the_middle_of_a_feature_cache_does_no_harm(start, tmp_path, fault):
    fault("feature cache: kill -9 in the middle", 3)
    part = tmp_path / "features" / "key.part"
    for size in (1, 5000, 9000):
        process, _ = start(computing, tmp_path)
        while not (part.exists() and part.stat().st_size > size):
            time.sleep(0.002)
        process.kill()
        process.join()
        assert left_in(tmp_path) == ["key.part"]
    assert np.array_equal(answer(start(computing, tmp_path)), TABLE) and left_in(tmp_path) == ["key.npy"]


# --------------------------------------------------------------- disks: full ones, and ones that cannot be written


def on_a_small_disk(folder, function, *args):
    """Run a function with a file system of 512 kB under `folder`, or else with files of that size at the most."""
    import resource  # of POSIX alone

    if os.geteuid() or not _mounted("-t", "tmpfs", "-o", "size=512k", "none", folder):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, resource.RLIM_INFINITY))
    return _outcome(folder, function, *args)


def on_a_read_only_disk(folder, function, *args):
    """Run a function with `folder` on a file system that cannot be written, or else without the right to write."""
    inside = [folder, *(place for place in folder.rglob("*") if place.is_dir())] if os.geteuid() else []
    for place in inside:
        place.chmod(0o500)
    if not inside and not (_mounted("--bind", folder, folder) and _mounted("-o", "remount,bind,ro", folder)):
        return ("skip", ""), None, None
    try:
        return _outcome(folder, function, *args)
    finally:
        for place in inside:
            place.chmod(0o700)


def _mounted(*arguments):
    """Mount for this process alone: the mounts go with it."""
    new_mounts = 0x00020000  # CLONE_NEWNS
    if not Path("/proc/self/ns/mnt").exists() or ctypes.CDLL(None).unshare(new_mounts):
        return False
    commands = (["mount", "--make-rprivate", "/"], ["mount", *map(str, arguments)])
    return all(subprocess.run(command, capture_output=True).returncode == 0 for command in commands)


def _outcome(folder, function, *args):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = function(folder, *args)
        except Exception as error:
            found = (type(error).__name__, str(error))
    return found, [str(warning.message) for warning in told], left_in(folder)


@processes
def test_a_full_disk_during_a_download_is_one_clear_error(offer, start, tmp_path, fault):
    fault("download: the disk is full")
    (tmp_path / "cache").mkdir()
    (kind, text), _, left = answer(start(on_a_small_disk, tmp_path / "cache", fetching, offer("right", "right")))
    assert kind == "OSError" and ("No space left" in text or "File too large" in text) and left == []


@processes
def test_a_full_disk_costs_a_feature_cache_a_warning_and_no_row(start, tmp_path, fault):
    fault("feature cache: the disk is full")
    (tmp_path / "cache").mkdir()
    table, told, left = answer(start(on_a_small_disk, tmp_path / "cache", computing_much))
    assert np.array_equal(table, MUCH) and len(told) == 1 and "TLUTILS_CACHE" in told[0] and "key.npy" not in left


MUCH = np.tile(TABLE, (1, 60))


def computing_much(folder):
    os.environ["TLUTILS_CACHE"] = str(folder)
    return cache.cached_rows("key", len(MUCH), lambda first: iter(np.split(MUCH[first:], 10))).numpy()


@processes
def test_a_read_only_cache_gives_what_it_has_and_one_clear_error_for_the_rest(offer, start, tmp_path, fault):
    fault("cache: read-only", 3)
    folder = tmp_path / "cache"
    (folder / "folder").mkdir(parents=True)
    (kind, text), _, left = answer(start(on_a_read_only_disk, folder, fetching, offer("right")))
    if kind == "skip":
        pytest.skip("this user writes everywhere and may mount nothing")
    assert kind == "OSError" and "could not get" in text and left == []
    table, told, left = answer(start(on_a_read_only_disk, folder, computing))
    assert np.array_equal(table, TABLE) and len(told) == 1 and "TLUTILS_CACHE" in told[0] and left == []
    (folder / NAME).write_bytes(CONTENT)
    found, told, _ = answer(start(on_a_read_only_disk, folder, fetching, offer("right")))
    assert found == CONTENT and told == []


# --------------------------------------------------------------- older caches


@pytest.mark.parametrize("old", [TABLE.astype(np.float64), TABLE[:, 0], TABLE[:-1], TABLE.astype(np.float16)])
def test_a_table_in_another_format_is_computed_again(monkeypatch, tmp_path, fault, old):
    fault("feature cache: a file in an older format")
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "key.npy", old)
    (tmp_path / "features" / "key.part").write_bytes(old.tobytes())
    assert np.array_equal(cache.cached_rows("key", len(TABLE), lambda first: iter([TABLE[first:]])), TABLE)
    assert np.array_equal(np.load(tmp_path / "features" / "key.npy"), TABLE) and left_in(tmp_path) == ["key.npy"]


def test_features_of_an_older_version_are_not_used(monkeypatch, tmp_path, fault):
    fault("feature cache: features of an older version")
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    encoder, x = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()), torch.rand(3, 3, 4, 4)
    monkeypatch.setattr(features, "VERSION", "features 0")
    features.extract_features(encoder, x)
    (old,) = tmp_path.rglob("*.npy")
    np.save(old, np.zeros((3, 3), np.float32))
    assert not features.extract_features(encoder, x).any(), "this version reads its file"
    monkeypatch.undo()
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    assert torch.allclose(features.extract_features(encoder, x), encoder(x))


# --------------------------------------------------------------- hostile archives


def picture():
    target = io.BytesIO()
    Image.new("RGB", (20, 15), "red").save(target, "JPEG")
    return target.getvalue()


def link(name):
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return member


TRAPS = {
    "a name with ..": lambda archive: archive.writestr("udacity/../../outside.jpg", picture()),
    "a name with .. and backslashes": lambda archive: archive.writestr("udacity\\..\\..\\outside.jpg", picture()),
    "an absolute name": lambda archive: archive.writestr("/etc/outside.jpg", picture()),
    "a name on a drive": lambda archive: archive.writestr("C:\\outside.jpg", picture()),
    "a link": lambda archive: archive.writestr(link("udacity/IMG/link.jpg"), "/etc/passwd"),
    "a bomb": lambda archive: archive.writestr("udacity/IMG/bomb.jpg", bytes(2**25)),
    "a bomb in many pieces": lambda archive: [archive.writestr(f"udacity/{n}.jpg", bytes(2**21)) for n in range(10)],
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_zip_file_with_a_trap_is_refused(tmp_path, fault, trap):
    fault(f"zip archive: {trap}", 2)
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("udacity/driving_log.csv", "center,left,right,steering\nIMG/a.jpg,,,0.5\n")
        archive.writestr("udacity/IMG/a.jpg", picture())
    assert len(datasets.driving_logs.udacity(path, "udacity")) == 1
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        TRAPS[trap](archive)
    with pytest.raises(ValueError, match=f"{path} is refused"):
        datasets.driving_logs.udacity(path, "udacity")
    with pytest.raises(ValueError, match="is refused"):
        open_zip(path)
    assert left_in(tmp_path) == ["log.zip"]


@pytest.mark.parametrize("name", ["../outside.jpg", "/etc/outside.jpg", "a/../../outside.jpg", 7, "", None])
def test_a_tub_whose_records_lead_elsewhere_is_refused(tmp_path, fault, name):
    fault("donkeycar tub: a picture's name leads outside")
    (tmp_path / "tub" / "images").mkdir(parents=True)
    (tmp_path / "outside.jpg").write_bytes(picture())
    about = {"paths": ["catalog_0.catalog"], "deleted_indexes": []}
    (tmp_path / "tub" / "manifest.json").write_text("[]\n[]\n{}\n{}\n" + json.dumps(about))
    record = {"_index": 0, "cam/image_array": name, "user/angle": 0.0}
    (tmp_path / "tub" / "catalog_0.catalog").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="is no complete tub"):
        datasets.driving_logs.donkeycar(tmp_path / "tub")


def test_a_tar_file_is_read_in_memory_by_name_and_links_are_no_members(monkeypatch, tmp_path, fault):
    """Nothing is unpacked, so a member's name can lead nowhere; one behind a link is missing, not followed."""
    fault("tar archive: names with .., absolute names, links, a bomb", 5)
    record = bytes(datasets.photos.CIFAR_RECORD)
    path = tmp_path / "cifar-10-binary.tar.gz"
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, None):
        with tarfile.open(path, "w:gz") as archive:
            for name in ("../outside.bin", "/tmp/outside-of-tlutils.bin"):
                member = tarfile.TarInfo(name)
                member.size = len(record)
                archive.addfile(member, io.BytesIO(record))
            member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
            if kind is None:
                member.size = len(record)
            else:
                member.type, member.linkname = kind, "../outside.bin"
            archive.addfile(member, io.BytesIO(record))
        monkeypatch.setattr(datasets.photos, "fetch", lambda name: path)
        if kind is None:
            assert len(datasets.photos.cifar10("test")) == 1
            monkeypatch.setattr(datasets.photos, "LARGEST", len(record) - 1)
            with pytest.raises(ValueError, match="is refused: .* would unpack to"):
                datasets.photos.cifar10("test")
        else:
            with pytest.raises(ValueError, match="lacks cifar-10-batches-bin/test_batch.bin"):
                datasets.photos.cifar10("test")
    assert left_in(tmp_path) == ["cifar-10-binary.tar.gz"] and not Path("/tmp/outside-of-tlutils.bin").exists()


# --------------------------------------------------------------- weights


class Code:
    """Unpickled carelessly, it writes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("new", [True, False], ids=["torch's zip", "an old pickle"])
def test_a_weight_file_with_code_in_it_is_refused_and_does_not_run(tmp_path, fault, new):
    fault("weights: a pickle with code in it")
    content = {"state_dict": {"weight": torch.ones(2)}, "extra": Code(tmp_path / "ran")}
    torch.save(content, tmp_path / "weights.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match="it holds more than weights"):
        weights.read_weights(tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_no_mismatch_lists_more_than_ten_keys(fault):
    fault("weights: of another architecture", 2)
    wide = torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(20)))
    narrow = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(20)))
    other = torch.nn.ModuleDict({"other": wide})
    for theirs in (wide, other):  # other shapes, other names
        with pytest.raises(ValueError, match="another architecture.*\n") as caught:
            weights.load_weights(narrow, theirs.state_dict(), "file.pth", skip=())
        lines = str(caught.value).splitlines()[1:]
        assert len(lines) == 11 and lines[-1].strip() in ("… and 30 more", "… and 70 more")


def card(**changed):
    def change(folder):
        old = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps(old | changed))

    return change


def tensors(**changed):
    def change(folder):
        old = weights.read_weights(folder / "model.safetensors")
        new = {name.replace("_", "."): value for name, value in changed.items()}
        save_file({**old, **new}, folder / "model.safetensors")

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (card(view="../../etc/passwd"), "card.json.*unknown"),
        (card(view=["raw pixels"]), "is damaged"),
        (card(view="bag of words"), "is damaged"),  # of images
        (card(classes="ab"), "is damaged"),
        (card(classes=[1, 2]), "is damaged"),
        (card(classes=["a", "b", "c"]), "do not belong together: 3 classes"),
        (card(size=10**9), "is damaged"),
        (card(size=-1), "is damaged"),
        (card(tuned=1), "is damaged"),
        (card(tuned=True, view="glyphs"), "another architecture"),
        (tensors(linear_weight=torch.full((2, 768), torch.nan)), "linear.weight is not finite"),
        (tensors(linear_weight=torch.ones(2, 5)), "do not belong together"),
        (tensors(linear_bias=torch.ones(3)), "do not belong together"),
    ],
)
def test_a_damaged_model_is_one_clear_error_and_not_a_wrong_answer(tmp_path, fault, change, words):
    fault("model: its card or its weights are damaged")
    model = own_model.OwnModel(
        own_model.view("raw pixels", texts=False), own_model.Linear(torch.ones(2, 768), torch.ones(2)), ("a", "b"), 32
    )
    model.save(tmp_path, {})
    assert own_model.load_model(tmp_path).classes == ("a", "b")
    change(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        own_model.load_model(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_nothing_in_the_package_trusts_a_file_with_code():
    """Over the syntax, not the text: `trust_remote_code` is given only to forbid it."""
    for file in sorted((ROOT / "tlutils").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            place = f"{file.relative_to(ROOT)}, line {getattr(node, 'lineno', '?')}"
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":  # without it the reader may be asked
                assert ast.unparse(node.value) == "False", place
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert name not in ("eval", "exec") and not name.endswith(("extractall", "Unpickler")), place
            assert not re.search(r"(^|\b(pickle|joblib|dill|yaml|marshal)\.)(load|loads|read_pickle)$", name), place
            assert name != "torch.load" or given.get("weights_only") == "True", place
            assert name != "np.load" or given.get("allow_pickle", "False") == "False", place


# --------------------------------------------------------------- damaged files, by the hundred


@processes
def test_damaged_real_files_are_refused_or_read(mirror, fault):
    """A short run of `make fuzz`, always with the same damage."""
    ran = subprocess.run(
        [sys.executable, ROOT / ".ci" / "fuzz.py", "--first", "1", "--inputs", "100"],
        # Without a place for rows: a report counts these inputs among the faults.
        env={**os.environ, "TLUTILS_DATA": str(mirror), "OMP_NUM_THREADS": "1", "TLUTILS_ROWS": ""},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "100 inputs" in ran.stdout and ", 0 crashes" in ran.stdout
    fault("loaders: a real file is damaged", 100)


def hangs(folder):
    time.sleep(60)


def dies(folder):
    os._exit(3)


def leaks(folder):
    bytearray(3 * 2**25)


def raises(error):
    def load(folder):
        raise error

    return load


@processes
@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (hangs, "no answer"),
        (dies, "the process died"),
        (leaks, "too much memory"),
        (raises(KeyError("a")), "KeyError"),
        (raises(ValueError("nothing said about the file")), "ValueError without a file"),
        (raises(UnicodeDecodeError("utf-8", b"x", 0, 1, "bare")), "UnicodeDecodeError without a file"),
        (raises(SystemExit(0)), "SystemExit"),
    ],
)
def test_the_fuzzer_counts_as_a_crash_what_is_one(monkeypatch, tmp_path, load, reason):
    monkeypatch.syspath_prepend(ROOT / ".ci")
    fuzz = importlib.import_module("fuzz")
    monkeypatch.setattr(fuzz, "PATIENCE", 1)
    monkeypatch.setattr(fuzz, "MEMORY", 2**26)

    def prepared(mirror, folder):
        (folder / "planted").mkdir(parents=True)
        (folder / "planted" / "file").write_bytes(b"content")
        return {"planted": load}

    monkeypatch.setattr(fuzz, "prepared", prepared)
    counts, crashes = fuzz.fuzz(5, 7, tmp_path, most=1)
    assert counts["crash"] == 1 and all(reason in name for name in crashes)
    ((seed, _),) = next(iter(crashes.values()))
    assert seed == 7
