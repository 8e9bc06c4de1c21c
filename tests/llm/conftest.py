from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.llm.options import ModelOptions
from resources.home import models_folder
from resources.models import resolve_model


@pytest.fixture(scope="session")
def smollm() -> Path:
    """SmolLM2-135M-Instruct, converted once into the models folder of this checkout."""
    return resolve_model(ModelOptions(), models_folder()).path
