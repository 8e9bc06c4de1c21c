"""The corpus of the bench of deduplication: its pages, its planted copies, its truth."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bench.dedup_planted import KINDS, plant
from bench.dedup_truth import count_common, find_pairs, hash_set, list_words
from bench.make_dedup_corpus import PACKAGES, cut, main, to_text
from tests.dedup.texts import make_words

PAGE = """<html><head><title>x</title></head><body><script>no</script><h1>A mill</h1>
<p>by  the &amp; river<br>grinds</p><pre>as  it
was</pre></body></html>"""


def test_tags_go_and_paragraphs_stay() -> None:
    assert to_text("a.html", PAGE.encode()) == "A mill\n\nby the & river\ngrinds\n\nas it\nwas"
    assert to_text("a.txt", "Ti\u0301a\r\n\r\n\r\n\r\nb ".encode()) == "T\u00eda\n\nb"


def test_long_texts_are_cut_at_blank_lines() -> None:
    assert cut("aaa\n\nbbb\n\ncc", 8) == ["aaa\n\nbbb", "cc"]
    assert cut("a" * 9, 4) == ["aaaa"]
    assert cut("ab", 4) == ["ab"]


def test_the_truth_is_that_of_all_pairs() -> None:
    words = make_words(1, 60)
    texts = [" ".join(words[i : i + 30]) for i in range(0, 30, 2)] + [" ".join(words[:3]), "", words[0]] * 2
    sets = [hash_set(text) for text in texts]
    expected = []
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        common, union = count_common(a, b)
        if union and 100 * common >= 60 * union:
            expected.append((i, j, common, union))
    assert find_pairs(sets, percent=60) == expected
    assert len(expected) > 20
    assert find_pairs([], percent=60) == []


def test_planted_documents_are_what_their_kind_says() -> None:
    pages = [
        {
            "id": f"b-{i}",
            "text": "\n\n".join(" ".join(make_words(100 * i + j, 40)) for j in range(7)),
            "url": "u",
            "source": "s",
            "kind": "base",
        }
        for i in range(4)
    ]
    texts = {page["id"]: page["text"] for page in pages}
    planted = plant(pages, per_kind=3, seed="x")
    assert len(planted) == 3 * len(KINDS) + 2 * 3
    assert planted == plant(pages, per_kind=3, seed="x")
    similarity: dict[tuple[str, float], list[float]] = {}
    for one in planted:
        common, union = count_common(hash_set(one.document["text"]), hash_set(texts[one.source_ids[0]]))
        similarity.setdefault((one.document["kind"], one.param), []).append(common / union)
    assert similarity["exact", 0] == similarity["noise", 0] == [1, 1, 1]
    mean = {key: sum(values) / len(values) for key, values in similarity.items()}
    edits = [mean["edit", share] for share in (0.01, 0.02, 0.05, 0.1, 0.2)]
    assert edits == sorted(edits, reverse=True)
    assert mean["prefix", 0.9] == pytest.approx(0.9, abs=0.03)
    assert mean["quote", 0.3] < 0.3
    assert mean["shuffle", 0] < 1
    assert plant([], per_kind=3, seed="x") == []


def write_package(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A Debian package with these files and nothing else."""
    folder.mkdir(exist_ok=True)
    members = []
    for tar_name, held in (("control.tar.gz", {"./control": b"Package: x\n"}), ("data.tar.gz", files)):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for path, data in held.items():
                info = tarfile.TarInfo(path)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        members.append((tar_name, buffer.getvalue()))
    with (folder / f"{name}_1.0_all.deb").open("wb") as file:
        file.write(b"!<arch>\n")
        for member, data in [("debian-binary", b"2.0\n"), *members]:
            file.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode())
            file.write(data + b"\n" * (len(data) % 2))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(
    subprocess.run(["which", "dpkg-deb"], capture_output=True, check=False).returncode != 0,
    reason="needs dpkg-deb",
)
def test_a_folder_of_packages_becomes_a_corpus_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n\n".join(" ".join(make_words(j, 40)) for j in range(7))
    files = {
        "./usr/share/doc/page.txt": text.encode(),
        "./usr/share/doc/twin.md": text.encode(),  # no text twice
        "./usr/share/doc/packed.html.gz": gzip.compress(f"<p>{' '.join(make_words(99, 200))}</p>".encode()),
        "./usr/share/doc/broken.txt.gz": b"no gzip",
        "./usr/share/doc/genindex.html": text.encode() + b" index",
        "./usr/share/doc/short.txt": b"too short",
        "./usr/bin/program": b"\x7fELF",
    }
    write_package(tmp_path / "debs", PACKAGES[0], files)
    write_package(tmp_path / "debs", "other", {"./a.txt": text.encode() + b" other"})
    arguments = ["--debs", str(tmp_path / "debs"), "--per-kind", "2", "--out"]
    manifest = main([*arguments, str(tmp_path / "one")])
    assert json.loads(capsys.readouterr().out) == manifest
    assert list(manifest["packages"]) == [f"{PACKAGES[0]}_1.0_all.deb"]
    assert (manifest["pages"], manifest["planted"]) == (2, 2 * len(KINDS) + 4)
    corpus = rows(tmp_path / "one" / "corpus.jsonl")
    assert len(corpus) == manifest["documents"] == 34
    assert manifest["words"] == sum(len(list_words(row["text"])) for row in corpus)
    parts = sorted((tmp_path / "one" / "shards").iterdir())
    assert [row for part in parts for row in rows(part)] == corpus
    truth = rows(tmp_path / "one" / "truth_pairs.jsonl")
    assert all(row["jaccard"] == round(row["intersection"] / row["union"], 5) >= 0.6 for row in truth)
    assert {"exact", "noise", "natural"} <= {row["kind"] for row in truth}
    main([*arguments, str(tmp_path / "two")])
    for name in ("corpus.jsonl", "corpus.parquet", "planted.jsonl", "truth_pairs.jsonl", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--download fetches them"):
        main(["--debs", str(tmp_path), "--out", str(tmp_path)])
