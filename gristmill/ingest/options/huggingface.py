"""Options of Hugging Face dataset folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from gristmill.ingest.options.rows import RowSource


class HuggingfaceSource(RowSource):
    """A dataset folder of the Hugging Face hub, as cloned or downloaded, or as `save_to_disk` writes it.

    `inputs` names the folder, or files of it. The kind of each file is told by its name: Parquet, Arrow, JSON Lines,
    JSON, CSV, TSV or plain text, these also compressed.
    """

    chooses_files: ClassVar[bool] = True
    kind: Literal["huggingface"]
    config: str | None = Field(
        None,
        description="Configuration of the dataset, where its README declares several (`configs:`). null takes the "
        "one called `default`, or marked so, or the only one.",
    )
    split: str = Field(
        "train",
        min_length=1,
        description="Split to read. Where neither the README nor the names of files tell splits apart, all is "
        "`train`.",
    )

    def files_below(self, names: Sequence[str], read: Callable[[str], bytes]) -> list[str]:
        """The files of a folder that hold the split, of all names below it; `read` gives a file's content.

        Raises InputError where the folder holds no such configuration or split.
        """
        from gristmill.ingest.rows.datasets import dataset_files

        return dataset_files(names, read, config=self.config, split=self.split)
