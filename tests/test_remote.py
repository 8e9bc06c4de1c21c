"""Input files that lie where fsspec reads."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest

from gristmill import remote
from gristmill.errors import InputError
from gristmill.ingest import read_shard
from gristmill.inputs import InputFile
from gristmill.recipe import Recipe, parse_recipe
from gristmill.register import register_new_files
from gristmill.store import Registry, Store
from gristmill.store.registry import changed, describe_file, describe_remote

ROWS = gzip.compress(
    b"".join(json.dumps({"id": str(n), "text": f"Row {n}."}).encode() + b"\n" for n in range(3))
)


@pytest.fixture
def bucket() -> Iterator[Any]:
    """The memory of fsspec, empty before and after."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory
    memory.store.clear()


class _Ranges(SimpleHTTPRequestHandler):
    """Serves a folder, and parts of files where they are asked for."""

    asked: list[str]
    failures: list[int]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.failures:
            self.send_error(self.failures.pop())
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            super().do_GET()
            return
        self.asked.append(asked[0])
        data = Path(self.translate_path(self.path)).read_bytes()
        part = data[int(asked[1]) : int(asked[2]) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {asked[1]}-{asked[2]}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)


class _NoRanges(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Start a web server of the folder `web`; gives the address and the class that handles requests."""
    servers = []
    (tmp_path / "web").mkdir()

    def start(kind: type[SimpleHTTPRequestHandler]) -> tuple[str, Any]:
        handler: Any = type("Handler", (kind,), {"asked": [], "failures": []})
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *given: handler(*given, directory=str(tmp_path / "web"))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}", handler

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _recipe(folder: Path, line: str) -> Recipe:
    return parse_recipe(f"name: demo\nsources:\n  web: {line}\n", folder / "demo.yaml")


def _look(recipe: Recipe, folder: Path, **when: Any) -> tuple[dict[str, list[str]], list[str]]:
    found = register_new_files(recipe, Store.open(folder / "store"), **when)
    return {shard.key: [file.name for file in shard.files] for shard in found.added}, list(found.removed)


def _shards(folder: Path) -> list[Any]:
    return Registry(Store.open(folder / "store"), "demo").shards()


def test_a_pattern_in_a_bucket_is_listed_and_read(tmp_path: Path, bucket: Any) -> None:
    for name in ("crawl/b/2.jsonl.gz", "crawl/a/1.jsonl.gz", "crawl/a/other.txt", "else/3.jsonl.gz"):
        bucket.pipe(f"/bucket/{name}", ROWS)
    recipe = _recipe(tmp_path, "{kind: jsonl, inputs: ['memory://bucket/crawl/**/*.jsonl.gz']}")
    assert _look(recipe, tmp_path) == ({"web-0001": ["a/1.jsonl.gz"], "web-0002": ["b/2.jsonl.gz"]}, [])
    shard = _shards(tmp_path)[0].below(tmp_path)
    assert shard.files[0].path == "memory:///bucket/crawl/a/1.jsonl.gz"
    ((documents, decisions),) = read_shard(shard, recipe.sources["web"])
    assert documents["text"].to_list() == ["Row 0.", "Row 1.", "Row 2."]
    assert decisions.height == 3
    assert _look(recipe, tmp_path) == ({}, [])


def test_a_fingerprint_does_not_hang_on_where_the_bytes_lie(tmp_path: Path, bucket: Any) -> None:
    bucket.pipe("/bucket/a.jsonl.gz", ROWS)
    (tmp_path / "a.jsonl.gz").write_bytes(ROWS)
    found = remote.look_at("memory://bucket/a.jsonl.gz")
    assert found is not None
    far, near = describe_remote(found, "a"), describe_file(tmp_path / "a.jsonl.gz", "a")
    assert (far.digest, far.bytes) == (near.digest, near.bytes)


def test_a_remote_file_is_changed_when_its_bytes_are(tmp_path: Path, bucket: Any, monkeypatch: Any) -> None:
    bucket.pipe("/bucket/a.jsonl", b"one")
    found = remote.look_at("memory://bucket/a.jsonl")
    assert found is not None
    file = describe_remote(found, "a.jsonl")
    bucket.pipe("/bucket/a.jsonl", b"one")
    assert not changed(file)  # written anew only
    bucket.pipe("/bucket/a.jsonl", b"two")
    assert changed(file)
    bucket.rm("/bucket/a.jsonl")
    assert changed(file)
    bucket.pipe("/bucket/b.jsonl", b"one")
    found = remote.look_at("memory://bucket/b.jsonl")
    assert found is not None
    file = describe_remote(found, "b.jsonl")
    monkeypatch.setattr("gristmill.remote.open_file", None)  # the same version: nothing is read
    assert not changed(file)


def test_a_changed_object_is_registered_anew_and_its_old_shard_removed(tmp_path: Path, bucket: Any) -> None:
    recipe = _recipe(tmp_path, "{kind: jsonl, inputs: ['memory://bucket/*.jsonl']}")
    bucket.pipe("/bucket/a.jsonl", b'{"text": "one"}')
    _look(recipe, tmp_path)
    bucket.pipe("/bucket/a.jsonl", b'{"text": "two"}')
    assert _look(recipe, tmp_path) == ({"web-0002": ["a.jsonl"]}, ["web-0001"])


def test_a_landing_folder_may_be_remote_and_empty(tmp_path: Path, bucket: Any) -> None:
    recipe = _recipe(tmp_path, "{kind: jsonl, landing: 'memory://bucket/in'}")
    assert _look(recipe, tmp_path) == ({}, [])
    bucket.pipe("/bucket/in/day/a.jsonl", b"{}")
    bucket.pipe("/bucket/in/b.jsonl.tmp", b"{}")
    assert _look(recipe, tmp_path, settle_seconds=3600) == ({}, [])
    assert _look(recipe, tmp_path) == ({"web-0001": ["day/a.jsonl"]}, [])


def test_file_uris_are_local_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}")
    recipe = _recipe(tmp_path, f"{{kind: jsonl, inputs: ['file://{tmp_path}/*.jsonl']}}")
    assert _look(recipe, tmp_path) == ({"web-0001": ["a.jsonl"]}, [])
    assert _shards(tmp_path)[0].files[0].modified_ns > 0


@pytest.mark.parametrize("kind", [_Ranges, _NoRanges])
def test_a_file_of_a_web_server_is_read_with_seek(tmp_path: Path, serve: Any, kind: Any) -> None:
    address, handler = serve(kind)
    data = os.urandom(20_000_000)
    (tmp_path / "web" / "a b.bin").write_bytes(data)
    file = InputFile(f"{address}/a%20b.bin", "a b.bin")
    assert file.size() == len(data)
    with file.open() as handle:
        handle.seek(9_000_000)
        assert handle.read(10) == data[9_000_000:9_000_010]
        handle.seek(0)
        assert b"".join(iter(lambda: handle.read(1 << 20), b"")) == data
    assert 0 < len(handler.asked) < 10 or kind is _NoRanges


def test_a_lost_connection_is_tried_again(tmp_path: Path, serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("gristmill.remote._WAITS_SECONDS", (0.0, 0.0))
    address, handler = serve(_Ranges)
    (tmp_path / "web" / "a").write_bytes(b"x" * 100_000)
    with InputFile(f"{address}/a", "a").open() as handle:
        handler.failures += [503, 503]
        assert handle.read() == b"x" * 100_000
        handle.seek(0)
    with InputFile(f"{address}/a", "a").open() as handle:
        handler.failures += [503] * 10
        with pytest.raises(OSError, match="503"):
            handle.read()


def test_what_is_not_there_is_said_with_what_to_do(tmp_path: Path, serve: Any, bucket: Any) -> None:
    address, _ = serve(_Ranges)
    for uri in (f"{address}/gone.jsonl", "memory://bucket/gone.jsonl", "memory://bucket/*.jsonl"):
        with pytest.raises(
            InputError, match=r"sources\.web\.inputs: '.*' finds no file; name one, or a pattern"
        ):
            _look(_recipe(tmp_path, f"{{kind: jsonl, inputs: ['{uri}']}}"), tmp_path)


def test_a_server_that_cannot_be_reached_is_an_input_error_and_takes_no_shard_away(
    tmp_path: Path, serve: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("gristmill.remote._WAITS_SECONDS", ())
    address, handler = serve(_Ranges)
    (tmp_path / "web" / "a.jsonl").write_bytes(b"{}")
    recipe = _recipe(tmp_path, f"{{kind: jsonl, inputs: ['{address}/a.jsonl']}}")
    _look(recipe, tmp_path)
    monkeypatch.setattr(handler, "do_HEAD", lambda self: self.send_error(500))
    handler.failures += [500] * 10
    with pytest.raises(InputError, match="cannot be read"):
        _look(recipe, tmp_path)
    assert len(_shards(tmp_path)) == 1


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(InputError, match=r"s3:// is read by an optional package; .*'gristmill\[s3\]'"):
        remote.find_files("s3://bucket/*.gz")


@pytest.mark.parametrize(
    "uri",
    [
        "https://me:hunter2@host/a.gz",
        "https://host/a.gz?X-Amz-Signature=hunter2",
        "https://host/a.gz?x=1&token=hunter2",
        "s3://hunter2@bucket/a.gz",
        "https://host/a.gz?sv=2020&sig=hunter2",
    ],
)
def test_a_uri_with_credentials_is_refused_without_showing_them(tmp_path: Path, uri: str) -> None:
    with pytest.raises(InputError, match="give credentials through the environment") as error:
        _look(_recipe(tmp_path, f"{{kind: jsonl, inputs: ['{uri}']}}"), tmp_path)
    assert "hunter2" not in str(error.value)
    assert _shards(tmp_path) == []


def test_an_unknown_scheme_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'nosuch://x/a' is no URI that can be read"):
        remote.find_files("nosuch://x/a")


def test_errors_never_show_a_query() -> None:
    with pytest.raises(OSError, match="nosuch://x/a") as error:
        remote.open_file("nosuch://x/a?token=hunter2")
    assert "hunter2" not in str(error.value)
