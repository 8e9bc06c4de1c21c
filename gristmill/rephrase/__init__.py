"""Rephrasing of documents by a language model (WRAP): plan, requests, acceptance. Start at `rephrase.py`."""

from gristmill.rephrase.figures import Tally
from gristmill.rephrase.options import AcceptanceOptions, RephraseOptions, StyleOptions
from gristmill.rephrase.planning import Plan, Planned, plan_passages, planned_requests
from gristmill.rephrase.rephrase import Rephrased, accept_passages
from gristmill.rephrase.styles import prompts_digest

VERSION = 2  # raise when the same documents, options and answers give other output

__all__ = [
    "VERSION",
    "AcceptanceOptions",
    "Plan",
    "Planned",
    "RephraseOptions",
    "Rephrased",
    "StyleOptions",
    "Tally",
    "accept_passages",
    "plan_passages",
    "planned_requests",
    "prompts_digest",
]
