"""The command line: help, errors with their exit status, and what it prints of a finished corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from typer.main import get_command

from pipelines import cli
from tests.corpora import write_corpus


def gristmill(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line in this process; returns its exit status."""
    monkeypatch.setattr("sys.argv", ["gristmill", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_help_lists_every_command_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gristmill(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for name, command in get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        assert name in shown
        assert len(command.help or "") > 20


def test_a_broken_recipe_is_one_message_and_status_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_corpus(tmp_path, filter={"gopher_quality": {"min_word": 5}})
    assert gristmill(monkeypatch, "build", path) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "RecipeError: recipe small.yaml, filter.gopher_quality.min_word: unknown key" in shown
    assert "Did you mean 'min_words'?" in shown
    assert "Traceback" not in shown


def test_a_recipe_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gristmill(monkeypatch, "plan", tmp_path / "none.yaml") == 2
    assert "none.yaml" in "".join(capsys.readouterr().err.split())


def test_an_asset_that_was_never_built_says_how_to_build_it(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_corpus(tmp_path / "corpus")
    assert gristmill(monkeypatch, "export", path, tmp_path / "out") == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert (
        "StoreError: 'mixed' of recipe 'small' is not in the store; build it first: gristmill build" in shown
    )
    assert not (tmp_path / "out").exists()


def test_a_plan_of_a_new_recipe_writes_nothing_but_the_store_format(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gristmill(monkeypatch, "plan", write_corpus(tmp_path / "corpus")) == 0
    shown = capsys.readouterr().out
    assert "never made" in shown
    assert "3 input files are new or changed" in shown
    assert [path.name for path in (empty_home / "store").rglob("*") if path.is_file()] == ["format.json"]


def test_bands_are_chosen_for_a_threshold_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_out", Console(width=120))  # a worker of the tests may have a narrower terminal
    image = tmp_path / "curve.png"
    assert gristmill(monkeypatch, "bands", "--threshold", "0.8", "--plot", image) == 0
    shown = capsys.readouterr().out
    assert "* 16 x 6" in shown
    assert "    bands: 16\n    rows: 6\n" in shown
    assert image.read_bytes().startswith(b"\x89PNG")
    assert gristmill(monkeypatch, "bands", "--threshold", "0.8", "--balanced") == 0
    assert "* 9 x 13" in capsys.readouterr().out
    assert gristmill(monkeypatch, "bands", "--threshold", "0.1", "--hashes", "10") == 2
    assert "ask for more hashes or less recall" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_samples_traces_and_states_of_a_corpus_are_text(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = corpus / "small.yaml"
    assert gristmill(monkeypatch, "sample", path, "filtered", "-n", "3") == 0
    assert capsys.readouterr().out.count("drop ") == 3
    assert gristmill(monkeypatch, "trace", path, "https://docs.example.org/debian-history/intro.de.html") == 0
    assert "language.languages" in capsys.readouterr().out
    assert gristmill(monkeypatch, "status", path) == 0
    assert "stale" in capsys.readouterr().out
    assert gristmill(monkeypatch, "show", path) == 0
    assert "Funnel of small: 3 shards" in capsys.readouterr().out
    assert gristmill(monkeypatch, "gc", "--dry-run") == 0
    assert "would be removed" in capsys.readouterr().out
    assert gristmill(monkeypatch, "sample", path, "filterd") == 2
    assert "Did you mean 'filtered'" in " ".join(capsys.readouterr().err.split())
