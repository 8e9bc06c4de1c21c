"""Refinement of documents by programs that a language model writes (ProX). Start at `refine.py`."""

from gristmill.refine.figures import Tally
from gristmill.refine.options import RefineOptions
from gristmill.refine.planning import Plan, Planned, plan_chunks, planned_requests
from gristmill.refine.programs import PROGRAMS
from gristmill.refine.prompts import prompts_digest
from gristmill.refine.refine import Refined, refine_documents, replay_programs

VERSION = 1  # raise when the same documents, options and answers give other output

__all__ = [
    "PROGRAMS",
    "VERSION",
    "Plan",
    "Planned",
    "RefineOptions",
    "Refined",
    "Tally",
    "plan_chunks",
    "planned_requests",
    "prompts_digest",
    "refine_documents",
    "replay_programs",
]
