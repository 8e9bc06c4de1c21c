"""Refinement of documents by a language model (ProX): whole ones kept or dropped, then chunks edited by programs.

Start at `document_stage.py` and `refine.py`.
"""

from gristmill.refine.document_figures import DocumentTally
from gristmill.refine.document_stage import (
    JUDGEMENTS,
    DocumentPlan,
    Judged,
    document_requests,
    judge_documents,
    plan_documents,
    replay_judgements,
)
from gristmill.refine.figures import Tally
from gristmill.refine.options import DocumentOptions, RefineOptions
from gristmill.refine.planning import Key, Plan, Planned, plan_chunks, planned_requests
from gristmill.refine.programs import PROGRAMS
from gristmill.refine.prompts import document_prompt_digest, prompts_digest
from gristmill.refine.refine import Refined, refine_documents, replay_programs

VERSION = 1  # raise when the same documents, options and answers give other output
DOCUMENT_VERSION = 1  # the same of the document stage

__all__ = [
    "DOCUMENT_VERSION",
    "JUDGEMENTS",
    "PROGRAMS",
    "VERSION",
    "DocumentOptions",
    "DocumentPlan",
    "DocumentTally",
    "Judged",
    "Key",
    "Plan",
    "Planned",
    "RefineOptions",
    "Refined",
    "Tally",
    "document_prompt_digest",
    "document_requests",
    "judge_documents",
    "plan_chunks",
    "plan_documents",
    "planned_requests",
    "prompts_digest",
    "refine_documents",
    "replay_judgements",
    "replay_programs",
]
