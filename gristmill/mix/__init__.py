"""Mixing: proportions solved on tokens, one global order, token shards that a trainer maps into memory.

mixture = plan_mixture(selection, MixOptions(synthetic_share=0.5))
writer = ShardWriter(mixture.order, tokenizer=tokenizer, options=options, new_file=folder.joinpath)
writer.write(documents, asset="refined")  # all texts, in any order
figures = writer.close()
"""

from gristmill.mix.export import Exported, export_shards
from gristmill.mix.options import GroupOptions, MixOptions
from gristmill.mix.plan import GROUPS, ORDER, Mixture, plan_mixture
from gristmill.mix.reader import TokenShards
from gristmill.mix.shards import INDEX, ShardWriter
from gristmill.mix.shares import SYNTHETIC

# Raise it when the stage's output changes: it is then made again.
MIXED_VERSION = 1

__all__ = [
    "GROUPS",
    "INDEX",
    "MIXED_VERSION",
    "ORDER",
    "SYNTHETIC",
    "Exported",
    "GroupOptions",
    "MixOptions",
    "Mixture",
    "ShardWriter",
    "TokenShards",
    "export_shards",
    "plan_mixture",
]
