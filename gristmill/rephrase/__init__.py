"""Rephrasing of documents by a language model: WRAP, Nemotron-CC, structured formats. Start at `rephrase.py`."""

from gristmill.rephrase.acceptance import Checks
from gristmill.rephrase.audit import Audit
from gristmill.rephrase.choice import rounds
from gristmill.rephrase.figures import Tally
from gristmill.rephrase.options import AcceptanceOptions, RephraseOptions
from gristmill.rephrase.planning import Key, Plan, Planned, plan_passages, planned_requests
from gristmill.rephrase.rephrase import Rephrased, accept_passages
from gristmill.rephrase.routing import check_conditions, columns_read
from gristmill.rephrase.style_options import StyleOptions
from gristmill.rephrase.styles import prompts_digest

VERSION = 5  # raise when the same documents, options and answers give other output

__all__ = [
    "VERSION",
    "AcceptanceOptions",
    "Audit",
    "Checks",
    "Key",
    "Plan",
    "Planned",
    "RephraseOptions",
    "Rephrased",
    "StyleOptions",
    "Tally",
    "accept_passages",
    "check_conditions",
    "columns_read",
    "plan_passages",
    "planned_requests",
    "prompts_digest",
    "rounds",
]
