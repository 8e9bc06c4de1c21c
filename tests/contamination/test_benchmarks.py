from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from gristmill.contamination import Item, read_benchmark
from gristmill.errors import InputError


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "item"),
    [
        (  # GSM8K
            {"question": "How many eggs?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"},
            Item("set", "set/0", "How many eggs?", "3 + 4 = <<3+4=7>>7\n#### 7"),
        ),
        (  # MATH: the solution says more than the final answer
            {"problem": "Find $x$.", "solution": "It is $\\boxed{2}$.", "answer": "2"},
            Item("set", "set/0", "Find $x$.", "It is $\\boxed{2}$."),
        ),
        (  # HumanEval
            {
                "task_id": "HumanEval/17",
                "prompt": "def f(x):\n",
                "canonical_solution": "    return x\n",
                "test": "...",
            },
            Item("set", "set/17", "def f(x):", "return x"),
        ),
        (  # MBPP, with the line ends of its file
            {"text": "Write f.", "code": "def f():\r\n  pass", "task_id": 43, "test_list": []},
            Item("set", "set/43", "Write f.", "def f():\n  pass"),
        ),
        (  # ARC and OpenBookQA
            {
                "id": "MCAS_1",
                "question": {
                    "stem": "Which one?",
                    "choices": [{"text": "this", "label": "1"}, {"text": "that", "label": "2"}],
                },
                "answerKey": "2",
            },
            Item("set", "set/MCAS_1", "Which one?", "that", ("this", "that")),
        ),
        (  # the same as hubs store it: one object of lists
            {
                "question": "Which one?",
                "choices": {"text": ["this", "that"], "label": ["A", "B"]},
                "answerKey": "A",
            },
            Item("set", "set/0", "Which one?", "this", ("this", "that")),
        ),
        (  # BoolQ writes its questions without a mark
            {"question": "is it so", "passage": "It is so.", "answer": True},
            Item("set", "set/0", "is it so?", "Yes", (), "It is so."),
        ),
        (  # HellaSwag
            {"ind": 4, "ctx": "Then", "endings": ["a", "b", "c"], "label": 2},
            Item("set", "set/4", "Then", "c", ("a", "b", "c")),
        ),
    ],
)
def test_the_shapes_of_published_sets_are_known(tmp_path: Path, row: object, item: Item) -> None:
    assert read_benchmark("set", [write(tmp_path / "test.jsonl", row)]) == [item]


def test_big_bench_keeps_its_rows_in_an_object_beside_the_canary(tmp_path: Path) -> None:
    path = tmp_path / "snarks.json"
    path.write_text(json.dumps({"canary": "GUID", "examples": [{"input": "Which?", "target": "(B)"}]}))
    assert read_benchmark("bbh", [path]) == [Item("bbh", "bbh/0", "Which?", "(B)")]


def test_tables_with_and_without_a_header(tmp_path: Path) -> None:
    mmlu = tmp_path / "mmlu" / "anatomy_test.csv"
    mmlu.parent.mkdir()
    mmlu.write_text('"Which, then?",one,two,three,four,C\n')
    (tmp_path / "mmlu" / "law_test.csv").write_text("What?,a,b,c,d,A\n")
    assert read_benchmark("mmlu", [tmp_path / "mmlu"]) == [
        Item("mmlu/anatomy", "mmlu/anatomy/0", "Which, then?", "three", ("one", "two", "three", "four")),
        Item("mmlu/law", "mmlu/law/0", "What?", "a", ("a", "b", "c", "d")),
    ]
    truthful = tmp_path / "TruthfulQA.csv"
    truthful.write_text("Type,Question,Best Answer\nx,Is it?,It is\n")
    assert read_benchmark("truthfulqa", [truthful]) == [Item("truthfulqa", "truthfulqa/0", "Is it?", "It is")]


def test_packed_files_parquet_and_declared_fields(tmp_path: Path) -> None:
    packed = tmp_path / "x.jsonl.gz"
    packed.write_bytes(gzip.compress(b'\xef\xbb\xbf{"stimulus": "So?", "gold": "yes", "name": "a/7"}\n\n'))
    fields = {"question": "stimulus", "answer": "gold", "id": "name"}
    assert read_benchmark("own", [packed], fields) == [Item("own", "own/7", "So?", "yes")]
    table = tmp_path / "x.parquet"
    pl.DataFrame({"question": ["So?"], "choices": [["a", "b"]], "answer": [1]}).write_parquet(table)
    assert read_benchmark("own", [table]) == [Item("own", "own/0", "So?", "b", ("a", "b"))]


def test_a_file_of_several_sets_names_them_itself(tmp_path: Path) -> None:
    path = write(
        tmp_path / "items.jsonl", {"id": "arc/M_1", "benchmark": "arc", "question": "Which?", "answer": "x"}
    )
    assert read_benchmark("all", [path]) == [Item("arc", "arc/M_1", "Which?", "x")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.jsonl",
            '{"statement": "x"}\n',
            "no question in the keys ['statement']; known are question, problem",
        ),
        ("a.jsonl", "[1]\n", "row 0: got [1], must be an object"),
        ("a.jsonl", "{\n", "cannot be read: JSONDecodeError"),
        ("a.json", "3", "must hold a list of objects"),
        (
            "a.csv",
            "What?,a,b\n",
            "row 0: 3 columns; without a header that names `question`, there must be six",
        ),
        ("a.jsonl", "", "holds no items"),
        ("a.txt", "x", "allowed are .jsonl, .json, .csv"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"benchmark 'own'") as caught:
        read_benchmark("own", [tmp_path / name])
    assert message in str(caught.value)


def test_a_path_without_a_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_benchmark("own", [tmp_path / "gone"])
    with pytest.raises(InputError, match=r"holds no \.jsonl"):
        read_benchmark("own", [tmp_path])
