"""Rules on code: The Stack v2, StarCoder and RefineCode, licences and kinds of files.

    judge_code(batch, options.code, threads=2)   # measures and verdicts of a batch of `filtered`

The modules: `measures` (what is counted, by compiled loops in `_kernels`, with the table of comments and strings in
`syntax`), `logic` (declarations by language), `extensions` (StarCoder's table), `rules`.
"""

from gristmill.filter.code.judge import code_measures, judge_code
from gristmill.filter.code.logic import LOGIC, measure_logic
from gristmill.filter.code.measures import COUNTED, measure_code
from gristmill.filter.code.rules import CodeRule, list_rules

__all__ = [
    "COUNTED",
    "LOGIC",
    "CodeRule",
    "code_measures",
    "judge_code",
    "list_rules",
    "measure_code",
    "measure_logic",
]
