"""Language models: requests, cached answers, engines. The only room that imports vLLM, and only when one is loaded.

`LanguageModel` is what the stages use; `Engine` is what a back-end has to be.
"""

from __future__ import annotations

from gristmill.llm.cache import AnswerCache
from gristmill.llm.engine import Engine
from gristmill.llm.language_model import LanguageModel, Usage
from gristmill.llm.requests import Answer, Constraint, Messages, ModelIdentity, Request, request_key

__all__ = [
    "Answer",
    "AnswerCache",
    "Constraint",
    "Engine",
    "LanguageModel",
    "Messages",
    "ModelIdentity",
    "Request",
    "Usage",
    "request_key",
]
