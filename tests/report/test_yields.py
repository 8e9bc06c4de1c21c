from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.console import Console

from gristmill.documents import DERIVATIONS
from gristmill.report import render_yields, yields
from tests.report.corpora import RECIPE, WEB, document, put, store_with_raw


def test_the_yield_of_each_style_is_counted_with_its_commonest_reasons(tmp_path: Path) -> None:
    store = store_with_raw(tmp_path)
    assert yields(store, RECIPE) == []
    rows = [
        ("qa", "accepted", None, 10),
        *[("qa", "rejected", reason, 1) for reason in ("loop", "copied", "copied", "empty", "ratio")],
        ("easy", "accepted", None, 7),
        ("easy", "not_attempted", "budget", None),
        (None, "passed_through", "code", None),
    ]
    derivations = pl.DataFrame(
        [
            {"parent_id": "a", "style": s, "outcome": o, "reason": r, "output_tokens": n}
            for s, o, r, n in rows
        ],
        schema=DERIVATIONS,
    )
    put(store, "rephrased", WEB, documents=[document("a", "text")], derivations=derivations)
    found = yields(store, RECIPE)
    assert [tuple(row.values())[:5] for row in found] == [("easy", 1, 1, 1.0, 7), ("qa", 6, 1, 1 / 6, 15)]
    assert found[1]["rejected"] == {"copied": 2, "empty": 1, "loop": 1}
    console = Console(width=120)
    with console.capture() as shown:
        console.print(render_yields(found))
    assert "qa 6 1 16.7 % 15 copied 2, empty 1, loop 1" in " ".join(shown.get().split())
