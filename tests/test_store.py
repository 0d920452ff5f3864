"""The store: mirror, cache, download; every file is checked, every failure says what to do."""

import hashlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tlutils import store

NAME, CONTENT = "folder/file.bin", b"the right content" * 1000
RIGHT = hashlib.sha256(CONTENT).hexdigest()
OTHER = b"the same thing, packed in another way"


class Server(ThreadingHTTPServer):
    """A loopback server: /right, /wrong and /cut (announces more than it sends), or files there; remembers requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            time.sleep(self.server.delay)
            path = "/" + self.path.split("/")[1]
            body = {"/right": CONTENT, "/cut": CONTENT}.get(path, b"something else")
            self.send_response(404 if self.path == "/gone" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

        def log_message(self, *args):
            pass


@pytest.fixture
def server():
    server = Server(("127.0.0.1", 0), Server.Handler)
    server.asked, server.delay = [], 0.0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def offer(monkeypatch, tmp_path):
    """An empty cache, no mirror, and a function that sets the one file's public addresses."""
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def at(server=None, *paths):
        urls = [f"http://127.0.0.1:{server.server_port}{path}" for path in paths]
        hashes = [RIGHT, hashlib.sha256(OTHER).hexdigest()]
        entry = {"urls": urls, "sha256": hashes, "bytes": len(CONTENT), "licence": "CC0", "citation": "nobody"}
        monkeypatch.setattr("tlutils.store.manifest", lambda: {NAME: entry, "folder/other.bin": entry})

    at()
    return at


@pytest.fixture
def in_mirror(monkeypatch, tmp_path):
    def put(content):
        file = tmp_path / "mirror" / NAME
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        monkeypatch.setenv("TLUTILS_DATA", str(tmp_path / "mirror"))
        return file

    return put


def in_cache(tmp_path, content):
    file = tmp_path / "cache" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def left_behind(tmp_path):
    return [file.name for file in (tmp_path / "cache").rglob("*") if file.is_file() and file.suffix != ".lock"]


@pytest.mark.parametrize("content", [CONTENT, OTHER], ids=["first hash", "second hash"])
def test_the_mirror_is_asked_first(offer, in_mirror, tmp_path, content):
    in_cache(tmp_path, CONTENT)
    file = in_mirror(content)
    assert store.available(NAME)
    assert store.fetch(NAME) == file and file.read_bytes() == content


def test_a_mirror_file_with_a_wrong_hash_is_refused(offer, in_mirror, server, tmp_path):
    offer(server, "/right")
    file = in_mirror(b"damaged")
    with pytest.raises(ValueError) as caught:
        store.fetch(NAME)
    message = str(caught.value)
    assert str(file) in message and RIGHT in message and hashlib.sha256(b"damaged").hexdigest() in message
    assert "replace it" in message and file.read_bytes() == b"damaged" and not server.asked


def test_a_mirror_without_the_file_falls_through_to_the_cache(offer, monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_DATA", str(tmp_path))
    file = in_cache(tmp_path, CONTENT)
    assert store.fetch(NAME) == file


@pytest.mark.parametrize("content", [CONTENT, OTHER], ids=["first hash", "second hash"])
def test_a_cached_file_is_used_without_asking_anybody(offer, server, tmp_path, content):
    offer(server, "/right")
    assert not store.available(NAME)
    file = in_cache(tmp_path, content)
    assert store.available(NAME)
    assert store.fetch(NAME) == file and file.read_bytes() == content and not server.asked


def test_a_file_is_downloaded_once_and_then_cached(offer, server, tmp_path, capfd):
    offer(server, "/right")
    file = store.fetch(NAME)
    assert file == tmp_path / "cache" / NAME and file.read_bytes() == CONTENT
    assert store.fetch(NAME) == file and server.asked == ["/right"]
    assert left_behind(tmp_path) == ["file.bin"]
    assert "%" not in capfd.readouterr().err, "no progress bar when nobody watches"


def test_two_readers_at_once_download_a_file_once(offer, server, tmp_path):
    offer(server, "/right")
    server.delay = 0.3
    with ThreadPoolExecutor(2) as readers:
        files = [readers.submit(store.fetch, NAME) for _ in range(2)]
    assert [file.result().read_bytes() for file in files] == [CONTENT] * 2 and server.asked == ["/right"]


def test_a_damaged_cached_file_is_downloaded_again(offer, server, tmp_path):
    offer(server, "/right")
    in_cache(tmp_path, b"damaged")
    assert store.fetch(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["/wrong", "/cut", "/gone"])
def test_the_next_address_is_tried_when_one_fails(offer, server, first):
    offer(server, first, "/right")
    assert store.fetch(NAME).read_bytes() == CONTENT
    assert server.asked == [first, "/right"]


@pytest.mark.parametrize("path", ["/wrong", "/cut", "/gone"])
def test_a_failed_download_leaves_nothing_behind_and_says_what_to_do(offer, server, tmp_path, path):
    offer(server, path)
    with pytest.raises(OSError) as caught:
        store.fetch(NAME)
    assert left_behind(tmp_path) == [] and not store.available(NAME)
    message = str(caught.value)
    assert f"could not get {NAME}" in message and path in message
    assert str(tmp_path / "cache" / NAME) in message and f"$TLUTILS_DATA/{NAME}" in message and RIGHT in message


def test_without_network_the_error_names_file_place_and_hash(offer, server, tmp_path, no_network):
    offer(server, "/right")
    with pytest.raises(OSError) as caught:
        store.fetch(NAME)
    message = str(caught.value)
    assert all(
        word in message for word in [NAME, "without network", str(tmp_path / "cache" / NAME), "TLUTILS_DATA", RIGHT]
    )
    assert left_behind(tmp_path) == []


def test_a_file_without_public_address_says_so(offer):
    with pytest.raises(OSError, match="no public address"):
        store.fetch(NAME)


def test_a_cache_that_cannot_be_written_is_an_error_with_the_same_advice(offer, server, monkeypatch, tmp_path):
    offer(server, "/right")
    (tmp_path / "file").touch()
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=RIGHT):
        store.fetch(NAME)


def test_an_unknown_name_is_refused_with_the_nearest_one(offer):
    with pytest.raises(ValueError, match=f"unknown file 'folder/flie.bin': did you mean '{NAME}'"):
        store.fetch("folder/flie.bin")


def test_the_cache_is_the_users_own_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    assert store.cache_dir() == tmp_path
    monkeypatch.delenv("TLUTILS_CACHE")
    assert "tlutils" in store.cache_dir().parts


def test_sha256_is_the_hash_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    assert store.sha256(tmp_path / "file") == RIGHT


@pytest.fixture
def published_md5(offer, server, monkeypatch):
    """Offer the one file with the publisher's md5 instead of a sha256; return that md5."""
    value = hashlib.md5(CONTENT).hexdigest()
    offer(server, "/wrong", "/right")
    entry = {key: value for key, value in store.manifest()[NAME].items() if key != "sha256"} | {"md5": [value]}
    monkeypatch.setattr("tlutils.store.manifest", lambda: {NAME: entry})
    return value


def test_a_file_with_a_publishers_md5_is_checked_by_it_and_cached(published_md5, server, tmp_path):
    assert store.fetch(NAME).read_bytes() == CONTENT and server.asked == ["/wrong", "/right"]
    assert store.fetch(NAME).read_bytes() == CONTENT and len(server.asked) == 2, "the cached file passes the check"
    (tmp_path / "cache" / NAME).write_bytes(b"damaged")
    assert store.fetch(NAME).read_bytes() == CONTENT, "a damaged one does not"


def test_a_mirror_file_with_a_wrong_md5_is_refused(published_md5, in_mirror):
    file = in_mirror(b"damaged")
    with pytest.raises(ValueError, match=f"{file} is not the expected file: its md5 is .* expected {published_md5}"):
        store.fetch(NAME)


def test_without_network_the_error_names_the_md5(published_md5, no_network):
    with pytest.raises(OSError, match=f"Its md5 must be {published_md5}"):
        store.fetch(NAME)


@pytest.fixture
def published(offer, server):
    """Return a function: the address of a file whose name carries these digits of its sha256."""
    return lambda path, digits: f"http://127.0.0.1:{server.server_port}{path}/net-{digits}.pth"


def test_a_file_is_checked_by_the_digits_that_its_publisher_put_into_its_name(published, server, tmp_path):
    url = published("/right", RIGHT[:8])
    file = store.fetch_published("nets", url)
    assert file == tmp_path / "cache" / "nets" / f"net-{RIGHT[:8]}.pth" and file.read_bytes() == CONTENT
    assert store.fetch_published("nets", url) == file and len(server.asked) == 1, "the cached file passes the check"


def test_a_file_with_other_digits_is_refused_and_not_kept(published, tmp_path):
    digits = f"{int(RIGHT[:8], 16) ^ 1:08x}"  # the last of the eight differs
    with pytest.raises(OSError) as caught:
        store.fetch_published("nets", published("/right", digits))
    assert f"its sha256 is {RIGHT}, expected {digits}…" in str(caught.value)
    assert f"Its sha256 must be {digits}…." in str(caught.value) and left_behind(tmp_path) == []


def test_a_mirror_file_with_other_digits_is_refused(published, monkeypatch, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / f"net-{RIGHT[:8]}.pth").write_bytes(b"damaged")
    monkeypatch.setenv("TLUTILS_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=f"is not the expected file.*expected {RIGHT[:8]}…"):
        store.fetch_published("nets", published("/right", RIGHT[:8]))


def test_the_manifest_knows_more_than_the_name(published, monkeypatch, server):
    url = published("/wrong", "00000000")
    entry = store.manifest()[NAME] | {"urls": [f"http://127.0.0.1:{server.server_port}/right"]}
    monkeypatch.setattr("tlutils.store.manifest", lambda: {"nets/net-00000000.pth": entry})
    assert store.fetch_published("nets", url).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["net.pth", "net-v2.pth", "net-12345.pth", "net-imagenet.pth"])
def test_a_name_without_digits_cannot_be_checked(offer, name):
    with pytest.raises(ValueError, match="does not carry the beginning of its sha256"):
        store.fetch_published("nets", f"https://example.org/{name}")


LEADING_OUT = [("..", "n"), ("nets/../..", "n"), ("/tmp", "n"), ("nets", "\0"), ("", "n")]


@pytest.mark.parametrize(("folder", "name"), LEADING_OUT)
def test_a_name_that_leads_out_of_the_cache_is_refused(offer, folder, name):
    with pytest.raises(ValueError, match="it cannot be checked"):
        store.fetch_published(folder, f"https://example.org/{name}-{RIGHT[:8]}.pth")


@pytest.mark.parametrize("name", sorted(store.manifest()))
def test_every_entry_of_the_manifest_is_complete(name):
    entry = store.manifest()[name]
    assert re.fullmatch(r"[\w.-]+(/[\w.-]+)+", name)
    assert isinstance(entry["urls"], list) and all(url.startswith("https://") for url in entry["urls"])
    kind, digits = ("sha256", 64) if "sha256" in entry else ("md5", 32)
    whole = [value for value in entry[kind] if not re.search(f"-{value}[.]", name)]  # the rest is in the file's name
    assert entry[kind] and all(re.fullmatch(f"[0-9a-f]{{{digits}}}", value) for value in whole)
    assert kind == "sha256" or "publisher's" in entry["note"], "an md5 only where there is nothing stronger"
    assert isinstance(entry["bytes"], int) and entry["bytes"] > 0
    assert len(entry["licence"]) > 3 and re.search(r"(19|20)\d\d", entry["citation"])
    assert entry["urls"] or entry["note"], "without an address, the note says how the file is made"


@pytest.mark.parametrize("name", sorted(store.manifest()))
def test_the_mirrors_file_is_the_one_of_the_manifest(name, mirror):
    if not (mirror / name).exists():
        pytest.skip(f"{name} is not in the mirror")
    assert store._matches(mirror / name, store.manifest()[name])
