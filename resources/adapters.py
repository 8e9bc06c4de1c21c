"""A base model and an adapter (LoRA, in the files of peft), made one: a model folder like any other.

vLLM could load adapters by itself; merged weights run on every engine and processor, and cost nothing more per token.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from gristmill.errors import ModelError

_COPIED = ("*.json", "*.jinja", "*.model", "*.txt")


def merge_adapter(base: Path, adapter: Path, folder: Path) -> None:
    """Write the base with the adapter's weights added, and its tokenizer, into `folder`.

    Needs the extra `train`. Memory: the base twice, in its own number format. Raises ModelError where the two do not
    fit or cannot be read.
    """
    try:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise ModelError(
            f"using a trained refiner needs the extra `train`: pip install 'gristmill[train]' ({error})"
        ) from error
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", local_files_only=True)
        merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        merged.save_pretrained(folder, safe_serialization=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"the adapter cannot be merged into model {base.name!r}: {error}") from error
    # Weights and configuration are new; tokenizer, template and the like are the base's.
    for pattern in _COPIED:
        for file in base.glob(pattern):
            if not (folder / file.name).exists() and not file.name.endswith(".index.json"):
                shutil.copyfile(file, folder / file.name)
