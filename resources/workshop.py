"""The Dagster resource of every asset: the store, and the tools that are loaded on first use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from gristmill.recipe import Recipe
from gristmill.store import Store
from resources.home import models_folder, store_folder
from resources.tools import Tools


class Workshop(dg.ConfigurableResource):
    """Opens the store and, once per run and recipe, models, tokenizers and engines.

    Nothing is loaded before a step asks for it, so a run in which everything is cached loads no engine.
    """

    store_folder: str = Field(description="Folder of the store.")
    models_folder: str = Field(description="Folder of the prepared models.")
    _tools: dict[str, Tools] = PrivateAttr(default_factory=dict)
    _cached: set[tuple[str, str, str | None]] = PrivateAttr(default_factory=set)

    @classmethod
    def at_home(cls) -> Workshop:
        """With the folders that the environment names (resources.home)."""
        return cls(store_folder=str(store_folder()), models_folder=str(models_folder()))

    def store(self) -> Store:
        """The store."""
        return Store.open(Path(self.store_folder))

    def tools(self, recipe: Recipe) -> Tools:
        """What the recipe's steps use besides the store; the same object for all steps of a run."""
        if recipe.name not in self._tools:
            self._tools[recipe.name] = Tools.open(recipe, self.store(), Path(self.models_folder))
        return self._tools[recipe.name]

    def note_cached(self, recipe: str, step: str, partitions: Iterable[str | None]) -> None:
        """Remember that this run found these partitions in the store."""
        self._cached.update((recipe, step, partition) for partition in partitions)

    def was_cached(self, recipe: str, step: str, partition: str | None) -> bool:
        """Whether this run found the partition in the store, and did not make it."""
        return (recipe, step, partition) in self._cached

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Unload engines when the run ends, well or not."""
        self.close()

    def close(self) -> None:
        """Unload engines."""
        for tools in self._tools.values():
            tools.close()
        self._tools.clear()
        self._cached.clear()
