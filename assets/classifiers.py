"""Assets `models/NAME`: the classifiers of the recipe, trained on the labelled files that it names, or taken over.

They depend on those files alone, so a new shard never trains them again.
"""

from __future__ import annotations

import shutil
from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill.classifiers import load_classifier
from gristmill.file_options import dump_with_digests, resolve
from gristmill.filter import JUDGED, TRAINING_VERSION, Classifier, train
from gristmill.filter.options import ClassifierOptions
from gristmill.recipe import Recipe
from gristmill.store import Manifest, Store

FILE = "classifier.bin"
TABLES = (FILE, "judged")


def steps(recipe: Recipe) -> list[Step]:
    """A step for each classifier of the recipe."""
    return [_step(recipe, name, options) for name, options in recipe.classifiers.items()]


def asset_name(name: str) -> str:
    """The asset that makes a classifier."""
    return f"models/{name}"


def inputs(recipe: Recipe) -> tuple[Input, ...]:
    """What the filters of a recipe read of its classifiers."""
    filters = [recipe.filter, *recipe.filter_for.values()]
    names = sorted({entry.model for options in filters if options for entry in options.classifiers})
    return tuple(Input(asset_name(name), scope="global", tables=TABLES) for name in names)


def load(recipe: Recipe, store: Store, manifests: dict[str, list[Manifest]]) -> dict[str, Classifier]:
    """The classifiers among the inputs of a step, by name."""
    found = {}
    for name, options in recipe.classifiers.items():
        for manifest in manifests.get(asset_name(name), ()):
            judged = pl.concat(store.batches(manifest, "judged"))
            found[name] = Classifier(
                load_classifier(store.path(manifest, FILE)),
                options.prepare,
                judged if judged.height else None,
            )
    return found


def _step(recipe: Recipe, name: str, options: ClassifierOptions) -> Step:
    folder, key = recipe.path.parent, f"classifiers.{name}"

    def run(work: Work) -> dict[str, Any]:
        target = work.writer.file(FILE)
        work.emit(judged=pl.DataFrame(schema=JUDGED))
        if options.path is not None:
            shutil.copyfile(resolve(options.path, folder, f"{key}.path"), target)
            return {"labels": len(load_classifier(target).get_labels())}
        figures, judged = train(options, target, name=name, folder=folder)
        work.emit(judged=judged)
        return figures

    return Step(
        name=asset_name(name),
        run=run,
        version=TRAINING_VERSION,
        description="A fastText classifier that filters ask, with its figures on examples that were held out.",
        group="ingest",
        options=lambda source: dump_with_digests(options, folder, key),
        partitioned=False,
        kinds=frozenset({"parquet", "polars", "fasttext"}),
    )
