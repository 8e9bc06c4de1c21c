"""Files of git repositories at a revision."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gristmill.ingest import CodeSource
from gristmill.ingest.code.code import read_code
from gristmill.ingest.code.git import repository_name
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile

dulwich = pytest.importorskip("dulwich")

CODE = CodeSource(kind="code", inputs=("x",))
HOOK = '#!/bin/sh\ntouch "$(dirname "$0")/../../ran"\n'


@pytest.fixture
def mill(tmp_path: Path) -> Path:
    """A repository with two commits, a tag, a link, a submodule and a hook."""
    from dulwich.objects import S_IFGITLINK, Blob, Commit, Tree
    from dulwich.repo import Repo

    folder = tmp_path / "mill.git"
    repo = Repo.init_bare(str(folder), mkdir=True)
    parents: list[bytes] = []
    for number, text in enumerate(("x = 1\n", "x = 2\n")):
        tree, src = Tree(), Tree()
        for name, mode, data in (
            (b"a.py", 0o100644, text.encode()),
            (b"large.py", 0o100755, b"y = 1\n" * 1000),
            (b"link.py", 0o120000, b"a.py"),
        ):
            blob = Blob.from_string(data)
            repo.object_store.add_object(blob)
            src.add(name, mode, blob.id)
        src.add(b"other", S_IFGITLINK, b"1" * 40)
        licence = Blob.from_string(b"SPDX-License-Identifier: MIT\n")
        repo.object_store.add_object(licence)
        repo.object_store.add_object(src)
        tree.add(b"src", 0o040000, src.id)
        tree.add(b"COPYING", 0o100644, licence.id)
        repo.object_store.add_object(tree)
        commit = Commit()
        commit.tree, commit.parents = tree.id, parents
        commit.author = commit.committer = b"Miller <miller@mill.example>"
        commit.author_time = commit.commit_time = number
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"grind"
        repo.object_store.add_object(commit)
        repo.refs[b"refs/heads/master"] = commit.id
        repo.refs[f"refs/tags/v{number}".encode()] = commit.id
        parents = [commit.id]
    repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/master")
    (folder / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "pre-commit"):
        hook = folder / "hooks" / name
        hook.write_text(HOOK)
        hook.chmod(0o755)
    with (folder / "config").open("a") as config:
        config.write('[remote "origin"]\n\tfetch = x\n\turl = https://user:secret@mill.example/mill.git\n')
    repo.close()
    return folder


def files_of(folder: Path, base: Path) -> list[InputFile]:
    return [
        InputFile(os.path.join(root, name), os.path.relpath(os.path.join(root, name), base))
        for root, _, names in os.walk(folder)
        for name in sorted(names)
    ]


def read(files: list[InputFile], options: CodeSource = CODE) -> dict[str, Record]:
    return {str(record.key): record for _, record in read_code(files, options)}


EXPECTED = {
    "mill/COPYING": "extension",
    "mill/src/a.py": None,
    "mill/src/large.py": "too_large",
    "mill/src/link.py": "not_a_file",
    "mill/src/other": "not_a_file",
}
SMALL = CODE.model_copy(update={"max_record_bytes": 1_000})


def test_a_bare_repository_is_read_at_a_revision(mill: Path, tmp_path: Path) -> None:
    found = read(files_of(mill, tmp_path), SMALL)
    assert {key: record.rule for key, record in found.items()} == EXPECTED
    record = found["mill/src/a.py"]
    assert record.text == "x = 2\n"
    meta = record.meta
    assert (meta["repository"], meta["path"], meta["licence"]) == ("mill", "src/a.py", "MIT")
    assert len(meta["commit"]) == 40
    assert meta["remote"] == "https://mill.example/mill.git"
    old = read(files_of(mill, tmp_path), SMALL.model_copy(update={"revision": "v0"}))
    assert old["mill/src/a.py"].text == "x = 1\n"
    by_hash = read(
        files_of(mill, tmp_path), SMALL.model_copy(update={"revision": old["mill/src/a.py"].meta["commit"]})
    )
    assert by_hash["mill/src/a.py"].text == "x = 1\n"


def test_nothing_of_a_repository_is_run_or_written(mill: Path, tmp_path: Path) -> None:
    before = {file.path: Path(file.path).read_bytes() for file in files_of(mill, tmp_path)}
    read(files_of(mill, tmp_path))
    assert not (tmp_path / "ran").exists()
    assert {file.path: Path(file.path).read_bytes() for file in files_of(mill, tmp_path)} == before


def test_packed_objects_are_measured_before_they_are_unpacked(mill: Path, tmp_path: Path) -> None:
    from dulwich.repo import Repo

    with Repo(str(mill)) as repo:
        repo.object_store.pack_loose_objects()
    assert {key: record.rule for key, record in read(files_of(mill, tmp_path), SMALL).items()} == EXPECTED


def test_a_bundle_is_read_like_its_repository(mill: Path, tmp_path: Path) -> None:
    from dulwich.bundle import create_bundle_from_repo, write_bundle
    from dulwich.repo import Repo

    with Repo(str(mill)) as repo, (tmp_path / "mill.bundle").open("wb") as handle:
        bundle = create_bundle_from_repo(repo)
        write_bundle(handle, bundle)
        bundle.close()
    found = read([InputFile.at(tmp_path / "mill.bundle")], SMALL)
    assert {key: record.rule for key, record in found.items()} == EXPECTED
    assert found["mill/src/a.py"].text == "x = 2\n"

    data = (tmp_path / "mill.bundle").read_bytes()
    for size in (40, len(data) // 2):
        cut = tmp_path / "cut.bundle"
        cut.write_bytes(data[:size])
        (record,) = read([InputFile.at(cut)]).values()
        assert (record.rule, record.text) == ("unreadable_repository", None)


def test_a_revision_that_is_not_there_is_named(mill: Path, tmp_path: Path) -> None:
    (record,) = read(files_of(mill, tmp_path), CODE.model_copy(update={"revision": "v9"})).values()
    assert record.rule == "unreadable_repository"
    assert "no revision 'v9'" in str(record.detail)


def test_objects_elsewhere_are_not_followed(mill: Path, tmp_path: Path) -> None:
    (mill / "objects" / "info").mkdir(exist_ok=True)
    (mill / "objects" / "info" / "alternates").write_text("/etc\n")
    (record,) = read(files_of(mill, tmp_path)).values()
    assert "alternates" in str(record.detail)


def test_a_missing_object_is_one_dropped_record(mill: Path, tmp_path: Path) -> None:
    known = read(files_of(mill, tmp_path))["mill/src/a.py"].meta["blob"]
    (mill / "objects" / known[:2] / known[2:]).unlink()
    found = read(files_of(mill, tmp_path))
    assert found["mill/src/a.py"].rule == "unreadable"
    assert found["mill/src/large.py"].rule is None


def test_a_working_tree_is_read_as_it_is_and_its_git_folder_is_passed_over(
    mill: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    mill.rename(tree / ".git")
    (tree / "b.py").write_text("y = 1\n")
    assert list(read(files_of(tree, tmp_path))) == ["tree/b.py"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/mill.git", "mill"),
        ("a/mill/.git", "mill"),
        ("mill.bundle", "mill"),
        ("", "repository"),
        (".git", "repository"),
    ],
)
def test_a_repository_is_called_what_its_folder_is(path: str, name: str) -> None:
    assert repository_name(path) == name
