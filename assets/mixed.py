"""Asset `mixed`: the corpus as token shards, with an index from every token back to its document."""

from __future__ import annotations

from typing import Any

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.mix import MIXED_VERSION, ShardWriter, plan_mixture
from gristmill.recipe import Recipe


def step(recipe: Recipe, texts: tuple[str, ...]) -> Step:
    """Write the selected documents of the assets `texts`, of all shards, in the recipe's proportions."""
    assert recipe.mix is not None
    assert recipe.tokenizer is not None
    options, name = recipe.mix, recipe.tokenizer

    def run(work: Work) -> dict[str, Any]:
        mixture = plan_mixture(work.scan("selected", "selection").collect(), options)
        progress.expect(mixture.order.height)
        writer = ShardWriter(
            mixture.order, tokenizer=work.tools.tokenizer(name), options=options, new_file=work.writer.file
        )
        for asset in texts:
            for batch in work.batches(asset, columns=["id", "shard", "text"]):
                writer.write(batch, asset=asset)
        written = writer.close()
        for rows in writer.index.iter_slices():
            work.emit(index=rows)
        work.emit(mixture=mixture.groups)
        return {**mixture.figures, **written, "tokenizer": {"name": name, "digest": work.tools.digest(name)}}

    return Step(
        name="mixed",
        run=run,
        version=MIXED_VERSION,
        description="Token shards for trainers: proportions solved on tokens, one order, an index back to documents.",
        group="corpus",
        options=lambda source: {**options.model_dump(mode="json"), "texts": list(texts)},
        inputs=(
            Input("selected", "global", ("selection",)),
            *(Input(asset, "all", ("documents",)) for asset in texts),
        ),
        models=(name,),
        partitioned=False,
        kinds=frozenset({"parquet", "polars", "numpy"}),
    )
