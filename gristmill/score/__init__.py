"""Scores: a quality classifier trained on declared positives and negatives.

examples = choose_examples(batches, options)
figures = train_quality(examples, options, Path("quality.bin"))
scores = score_quality(documents, load_quality(Path("quality.bin")))
"""

from gristmill.score.examples import EXAMPLES, choose_examples
from gristmill.score.options import ExampleOptions, QualityOptions
from gristmill.score.quality import SCORES, load_quality, score_quality, train_quality

# Raise one when its stage's output changes: the model, or every shard of scores, is then made again.
MODEL_VERSION = 1
SCORES_VERSION = 1

__all__ = [
    "EXAMPLES",
    "MODEL_VERSION",
    "SCORES",
    "SCORES_VERSION",
    "ExampleOptions",
    "QualityOptions",
    "choose_examples",
    "load_quality",
    "score_quality",
    "train_quality",
]
