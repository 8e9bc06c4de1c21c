"""What the store says about a corpus: the funnel, samples, the path of one document. Nothing here writes or runs.

print(render_funnel(funnel(store, "demo", stages)))
print(render_sample("filtered", sample(store, "demo", "filtered", 5)))
print(render_trace(trace(store, "demo", "https://example.org/page")))
"""

from gristmill.report.current import ORDER, Corpus, recipes_in
from gristmill.report.funnel import Funnel, SourceCount, StageFunnel, Usage, funnel
from gristmill.report.plot import funnel_plot
from gristmill.report.render import render_funnel, render_repeats, render_sample, render_trace, render_yields
from gristmill.report.repeats import repeats
from gristmill.report.sample import sample
from gristmill.report.trace import TraceStep, trace
from gristmill.report.yields import yields

__all__ = [
    "ORDER",
    "Corpus",
    "Funnel",
    "SourceCount",
    "StageFunnel",
    "TraceStep",
    "Usage",
    "funnel",
    "funnel_plot",
    "recipes_in",
    "render_funnel",
    "render_repeats",
    "render_sample",
    "render_trace",
    "render_yields",
    "repeats",
    "sample",
    "trace",
    "yields",
]
