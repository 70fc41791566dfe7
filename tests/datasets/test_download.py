"""Downloads, against a server on this machine."""

import errno
import gzip
import hashlib
import re
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests

from rebnet import datasets
from rebnet.datasets import cifar10, download, fashion_mnist, mnist, svhn
from rebnet.datasets.download import fetch
from rebnet.datasets.idx import IdxFile, IdxSource, load_source
from rebnet.errors import DatasetError, MissingExtraError, OutputError

CONTENT = b"published" * 20_000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; a path under /cut/ breaks off half-way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.passwords: list[str | None] = []

    def mirror(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{folder}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.passwords.append(self.headers["Authorization"])
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", content.decode())
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if not self.path.startswith("/endless/"):
            self.send_header("Content-Length", "abc" if self.path.startswith("/abc/") else str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.path.startswith("/cut/") else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.files = {"/good/a.gz": CONTENT, "/cut/a.gz": CONTENT, "/wrong/a.gz": b"other"}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(cache: Path, *mirrors: str) -> Path:
    return fetch("toy", "a.gz", MD5, len(CONTENT), mirrors, cache)


def left_behind(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def refuse(cache: Path, failures: str, *mirrors: str) -> None:
    message = (
        f"a.gz of toy could not be downloaded ({failures}); "
        "try again later, or put the files of toy into DIR/toy and name DIR with --data-dir"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        get(cache, *mirrors)
    assert left_behind(cache) == []


def test_downloads_once(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = get(tmp_path, server.mirror("good"))
    assert path == tmp_path / "toy" / "a.gz"
    assert path.read_bytes() == CONTENT
    assert left_behind(tmp_path) == [path]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "toy: a.gz" in printed.err
    assert get(tmp_path, server.mirror("good")) == path
    assert server.requests == ["/good/a.gz"]
    assert capsys.readouterr().err == ""


def test_damaged_cache_is_replaced(server: Server, tmp_path: Path) -> None:
    path = get(tmp_path, server.mirror("good"))
    path.write_bytes(CONTENT[:-1])
    assert get(tmp_path, server.mirror("good")).read_bytes() == CONTENT


def test_next_mirror(server: Server, tmp_path: Path) -> None:
    mirrors = [server.mirror(folder) for folder in ("none", "wrong", "cut", "good")]
    assert get(tmp_path, *mirrors).read_bytes() == CONTENT


def test_wrong_hash(server: Server, tmp_path: Path) -> None:
    mirror = server.mirror("wrong")
    refuse(tmp_path, f"{mirror} sent md5 {hashlib.md5(b'other').hexdigest()}, expected {MD5}", mirror)


def test_not_found(server: Server, tmp_path: Path) -> None:
    refuse(tmp_path, f"{server.mirror('none')} answered 404", server.mirror("none"))


def test_truncated(server: Server, tmp_path: Path) -> None:
    refuse(tmp_path, f"{server.mirror('cut')} broke off", server.mirror("cut"))


def test_more_than_there_should_be(server: Server, tmp_path: Path) -> None:
    """Announced, or not: the rest is not read."""
    server.files |= {"/large/a.gz": CONTENT + b"x", "/endless/a.gz": CONTENT * 50}
    for folder in ("large", "endless"):
        mirror = server.mirror(folder)
        refuse(tmp_path, f"{mirror} sends more than the {len(CONTENT)} bytes of the published file", mirror)


def test_a_length_that_is_no_number(server: Server, tmp_path: Path) -> None:
    server.files["/abc/a.gz"] = CONTENT
    mirror = server.mirror("abc")
    refuse(tmp_path, f"{mirror} answered with Content-Length 'abc', which is no number", mirror)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.gz", "gopher://x/"])
def test_a_redirect_to_what_is_no_web(server: Server, tmp_path: Path, target: str) -> None:
    server.files["/to/a.gz"] = target.encode()
    refuse(tmp_path, f"{server.mirror('to')} redirects to {target!r}, which is not https", server.mirror("to"))


def test_from_https_only_to_https(monkeypatch: pytest.MonkeyPatch) -> None:
    class Redirect:
        is_redirect, headers = True, {"Location": "http://127.0.0.1/a.gz"}

        def close(self) -> None:
            pass

    with requests.Session() as session:
        monkeypatch.setattr(session, "get", lambda *_, **__: Redirect())
        with pytest.raises(Exception, match=re.escape("redirects to 'http://127.0.0.1/a.gz', which is not https")):
            download._answer(session, "https://127.0.0.1/a.gz")


def test_redirects(server: Server, tmp_path: Path) -> None:
    server.files |= {"/to/a.gz": b"/to/b.gz", "/to/b.gz": b"/good/a.gz"}
    assert get(tmp_path / "kept", server.mirror("to")).read_bytes() == CONTENT
    server.files["/to/b.gz"] = b"/to/a.gz"
    refuse(tmp_path / "circle", f"{server.mirror('to')} redirects more than 5 times", server.mirror("to"))


def test_no_password_of_the_user_is_sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    get(tmp_path / "cache", server.mirror("good"))
    assert server.passwords == [None]


def test_every_published_file_has_an_https_address_and_a_size() -> None:
    for source in (mnist.SOURCE, fashion_mnist.SOURCE, svhn.SOURCE, cifar10.SOURCE):
        assert source.mirrors[0].startswith("https://")
        assert all(mirror.endswith("/") for mirror in source.mirrors)


def test_no_network(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    refuse(tmp_path, f"{mirror} could not be reached", mirror)


def test_no_answer(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebnet.datasets.download._TIMEOUT_S", (1, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        refuse(tmp_path, f"{mirror} did not answer in time", mirror)


def test_pooch_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    message = (
        "data set mnist has to be downloaded and pooch is not installed; "
        "run pip install 'rebnet[data]', or name a folder that holds the data set with --data-dir"
    )
    with pytest.raises(MissingExtraError, match=f"^{re.escape(message)}$"):
        datasets.load("mnist", tmp_path)


def test_disk_full(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rebnet.datasets.download._answer", full)
    message = (
        f"{tmp_path}/toy: a.gz cannot be written to the cache (no space left on device); "
        "make room or change its permissions, or name a folder that holds the data set with --data-dir"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        get(tmp_path, server.mirror("good"))
    assert left_behind(tmp_path) == []


def test_cache_is_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "toy").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written to the cache"):
        get(tmp_path, server.mirror("good"))


@pytest.mark.parametrize("data_dir_given", [False, True])
def test_whole_data_set(server: Server, tmp_path: Path, data_dir_given: bool) -> None:
    """A data folder without this data set is passed over."""
    pixels = np.random.default_rng(3).integers(0, 256, (6, 3, 4), np.uint8)
    arrays = {
        "train_images": pixels[:4],
        "train_labels": np.array([0, 1, 2, 1], np.uint8),
        "test_images": pixels[4:],
        "test_labels": np.array([2, 0], np.uint8),
    }
    files = {}
    for key, array in arrays.items():
        header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
        content = gzip.compress(header + array.tobytes())
        server.files[f"/set/{key}.gz"] = content
        files[key] = IdxFile(key, hashlib.md5(content).hexdigest(), array.shape, len(content))
    source = IdxSource("toy", 3, (server.mirror("set"),), **files)
    cache = tmp_path / "cache"
    toy = load_source(source, tmp_path if data_dir_given else None, cache)
    np.testing.assert_array_equal(toy.train_images[..., 0], pixels[:4])
    assert sorted(path.name for path in left_behind(cache)) == sorted(f"{key}.gz" for key in arrays)
