"""Supervised fine-tuning of a small language model into a refiner: LoRA adapters, by peft and a plain loop in PyTorch.

Only the program is learned, not the prompt. Batches hold examples of like length, padded on the left, so that the
output layer, the largest of a small model, is computed for the places of the program alone. On two cores the whole
costs about what a forward and a backward pass of the base cost for every token. A GPU is used where there is one.

The same examples and options give the same adapter on one machine; another number of threads or another processor
sums in another order, and the adapter differs a little. It is made once and stored.

Sources: ProX (arXiv 2409.17115), section 3.3, for epochs and the cosine; LoRA (arXiv 2106.09685).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gristmill import progress
from gristmill.errors import ModelError, StageError
from gristmill.hashing import random_u64
from gristmill.refine.refiner_options import RefinerOptions

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"  # the names that peft reads
LORA_SCALE = 2  # alpha / rank
MAX_GRADIENT_NORM = 1.0
WARM_UP_SHARE = 0.05  # of the steps
FINAL_RATE = 0.1  # of the highest learning rate; ProX: 1e-5 to 1e-6
_BUCKET_BATCHES = 8  # sorted by length together

_IGNORED = -100  # label of a place that is not learned


class Example(NamedTuple):
    """Token ids of a prompt and of the answer to it, its end included."""

    prompt: Sequence[int]
    answer: Sequence[int]

    @property
    def tokens(self) -> int:
        """Length of both together."""
        return len(self.prompt) + len(self.answer)


def train_adapter(
    examples: Sequence[Example], options: RefinerOptions, *, base: Path, folder: Path
) -> dict[str, Any]:
    """Train an adapter for the model in `base` and write CONFIG_FILE and WEIGHTS_FILE into `folder`.

    Returns figures: examples, tokens, steps, parameters (trained and all), mean loss by epoch, device. Advances the
    open progress task by one per example and epoch. Raises ModelError where the extra `train` is not installed, where
    the base cannot be loaded, and where the loss is no number any more, StageError where there is no example.
    """
    if not examples:
        raise StageError(
            "models/refiner: there is no example to learn from; look at `left_out` of refiner/labels, and take more "
            "documents or longer examples"
        )
    torch, model = _prepare(base, options)
    device = next(model.parameters()).device
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=0.0)
    plan = [batch for epoch in range(options.epochs) for batch in _batches(examples, options, epoch)]
    losses: list[float] = []
    progress.expect(len(examples) * options.epochs, "examples")
    model.train()
    for step, indices in enumerate(plan):
        rate = options.learning_rate * learning_rate_share(step, len(plan))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _loss(model, torch, [examples[index] for index in indices], device)
        if not math.isfinite(loss.item()):
            raise ModelError(
                f"refiner: the loss is {loss.item()} at step {step + 1} of {len(plan)}; "
                f"take a lower learning_rate than {options.learning_rate}"
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, MAX_GRADIENT_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        progress.advance(len(indices))
    _save(model, folder)
    per_epoch = len(plan) // options.epochs
    return {
        "examples": len(examples),
        "tokens": sum(example.tokens for example in examples),
        "steps": len(plan),
        "parameters_trained": sum(parameter.numel() for parameter in trained),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "loss_by_epoch": [
            {
                "epoch": epoch + 1,
                "loss": round(sum(losses[epoch * per_epoch : (epoch + 1) * per_epoch]) / per_epoch, 4),
            }
            for epoch in range(options.epochs)
        ],
        "device": device.type,
    }


def learning_rate_share(step: int, steps: int) -> float:
    """Share of the highest learning rate at a step: a short rise, then a cosine down to FINAL_RATE."""
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2


def _prepare(base: Path, options: RefinerOptions) -> tuple[Any, Any]:
    """PyTorch, and the base with fresh adapters on the device."""
    try:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise ModelError(
            f"training a refiner needs the extra `train`: pip install 'gristmill[train]' ({error})"
        ) from error
    torch.manual_seed(options.seed)
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"model folder {base.name!r} cannot be loaded for training: {error}") from error
    config = LoraConfig(
        r=options.lora_rank,
        lora_alpha=LORA_SCALE * options.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, config)
    return torch, model.to("cuda" if torch.cuda.is_available() else "cpu")


def _batches(examples: Sequence[Example], options: RefinerOptions, epoch: int) -> list[list[int]]:
    """Indices of the examples of every step of an epoch; the order depends on seed and epoch alone."""

    def drawn(kind: str, number: int) -> tuple[int, int]:
        return random_u64(options.seed, f"refiner.{kind}", f"{epoch}:{number}"), number

    order = sorted(range(len(examples)), key=lambda index: drawn("order", index))
    size = options.batch_size
    batches = []
    for start in range(0, len(order), size * _BUCKET_BATCHES):
        bucket = sorted(order[start : start + size * _BUCKET_BATCHES], key=lambda i: (examples[i].tokens, i))
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [batches[number] for number in sorted(range(len(batches)), key=lambda n: drawn("batch", n))]


def _loss(model: Any, torch: Any, batch: Sequence[Example], device: Any) -> Any:
    """Mean loss over the answers' tokens."""
    width = max(example.tokens for example in batch)
    answered = max(len(example.answer) for example in batch)
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    mask = torch.zeros((len(batch), width), dtype=torch.long)
    labels = torch.full((len(batch), answered), _IGNORED, dtype=torch.long)
    for row, example in enumerate(batch):
        ids[row, width - example.tokens :] = torch.tensor([*example.prompt, *example.answer])
        mask[row, width - example.tokens :] = 1
        labels[row, answered - len(example.answer) :] = torch.tensor(list(example.answer))
    # The output at a place is about the next one, so the last is about none.
    logits = model(
        input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, logits_to_keep=answered + 1
    ).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.to(device).flatten(), ignore_index=_IGNORED
    )


def _save(model: Any, folder: Path) -> None:
    """The adapter alone, in the files that peft reads; where the base lies on this machine is not in them."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in get_peft_model_state_dict(model).items()
    }
    save_file(dict(sorted(tensors.items())), folder / WEIGHTS_FILE, metadata={"format": "pt"})
    config = model.peft_config["default"].to_dict() | {
        "base_model_name_or_path": None,
        "inference_mode": True,
    }
    plain = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
    (folder / CONFIG_FILE).write_text(
        json.dumps(plain, indent=1, sort_keys=True, default=str), encoding="utf-8"
    )
