"""Steps `refiner/labels`, `models/refiner` and `refiner/evaluation`: a small model trained to refine.

`refined` uses it where the recipe says `refine.model: refiner`. The adapter is the output; `use` merges it into the
base's weights, once on a machine.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.llm import LanguageModel
from gristmill.llm.chat import PromptEncoder
from gristmill.llm.requests import Answer, Request
from gristmill.recipe import Recipe
from gristmill.refine import Key, plan_chunks, planned_requests
from gristmill.refine.evaluation import (
    TRAINED,
    UNTRAINED,
    evaluation_figures,
    evaluation_requests,
    held_out,
    score_answers,
)
from gristmill.refine.labels import (
    EXAMPLE,
    LABELS,
    choose_documents,
    label_figures,
    label_prompt,
    make_labels,
    teacher_options,
)
from gristmill.refine.refiner_options import REFINER, RULES, RefinerOptions
from gristmill.refine.training import CONFIG_FILE, WEIGHTS_FILE, Example, train_adapter

NAME, LABELLED, EVALUATED = f"models/{REFINER}", f"{REFINER}/labels", f"{REFINER}/evaluation"
LABELS_VERSION = MODEL_VERSION = EVALUATION_VERSION = 1

# What each step reads of the options, beside what its inputs say.
_TRAINING = ("base", "epochs", "batch_size", "learning_rate", "lora_rank", "seed")
_EVALUATION = ("base", "max_ops", "max_removed_ratio", "seed")


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """Label documents of `upstream`, train on them, and compare on those that were held out."""
    options = recipe.refiner
    assert options is not None
    return [_labels_step(options, upstream), _model_step(options), _evaluation_step(options)]


def adapter() -> Input:
    """What a step reads that uses the trained model."""
    return Input(NAME, scope="global", tables=(CONFIG_FILE, WEIGHTS_FILE))


def use(work: Work, options: RefinerOptions) -> LanguageModel:
    """The trained model, given that `adapter()` is among the inputs of the step."""
    (manifest,) = work.inputs[NAME]
    files = {name: work.store.path(manifest, name) for name in (CONFIG_FILE, WEIGHTS_FILE)}
    work.tools.add_adapted(REFINER, options.base, files, manifest.content)
    return work.tools.llm(REFINER)


def _labels_step(options: RefinerOptions, upstream: str) -> Step:
    def run(work: Work) -> dict[str, Any]:
        base = work.tools.llm(options.base)
        documents = choose_documents(
            work.batches(upstream, columns=["id", "text", "source", "lang"]), options
        )
        plan = plan_chunks(
            documents,
            teacher_options(options),
            count_tokens=base.count_tokens,
            count_prompt_tokens=base.count_prompt_tokens,
        )
        answers: dict[Key, Answer] = {}
        if options.teacher != RULES:
            planned = planned_requests(plan, documents)
            found = _ask(work.tools.llm(options.teacher), [one.request for one in planned])
            answers = {planned[index].key: answer for index, answer in found.items()}
        labels = make_labels(
            plan,
            documents,
            answers,
            options,
            count_tokens=base.count_tokens,
            count_prompt_tokens=base.count_prompt_tokens,
        )
        work.emit(labels=labels)
        return {"documents_labelled": documents.height, **label_figures(labels)}

    return Step(
        name=LABELLED,
        run=run,
        version=LABELS_VERSION,
        description="Programs for chunks of a sample of documents, by a teacher, cleaned; some documents are held out.",
        group="rewrite",
        options=lambda source: options.model_dump(
            mode="json", exclude={"snapshot_shards", *(set(_TRAINING) - {"base", "seed"})}
        ),
        inputs=(Input(upstream, scope="all", sources=options.sources, first=options.snapshot_shards),),
        models=tuple(name for name in (options.base, options.teacher) if name != RULES),
        partitioned=False,
        kinds=frozenset({"parquet", "polars"} | ({"vllm"} if options.teacher != RULES else set())),
    )


def _model_step(options: RefinerOptions) -> Step:
    def run(work: Work) -> dict[str, Any]:
        labels = _labels(work).filter(pl.col("use") == EXAMPLE).sort("id", "chunk")
        tokenizer = work.tools.tokenizer(options.base)
        prompts = PromptEncoder(tokenizer).encode_many([label_prompt(row) for row in labels.to_dicts()])
        programs = tokenizer.encode(labels["program"].to_list())
        examples = [
            Example(prompt, [*program, tokenizer.eos_id])
            for prompt, program in zip(prompts, programs, strict=True)
        ]
        work.tools.close()  # an engine in memory beside the training would need both
        folder = work.writer.file(CONFIG_FILE).parent
        work.writer.file(WEIGHTS_FILE)
        return train_adapter(examples, options, base=work.tools.weights(options.base), folder=folder)

    return Step(
        name=NAME,
        run=run,
        version=MODEL_VERSION,
        description="A small language model, fine-tuned on the labels to write refining programs: its LoRA adapter.",
        group="rewrite",
        options=lambda source: options.model_dump(mode="json", include=set(_TRAINING)),
        inputs=(Input(LABELLED, scope="global", tables=("labels",)),),
        models=(options.base,),
        partitioned=False,
        kinds=frozenset({"pytorch"}),
    )


def _evaluation_step(options: RefinerOptions) -> Step:
    def run(work: Work) -> dict[str, Any]:
        labels = _labels(work)
        chunks = held_out(labels)
        progress.expect(2 * chunks.height, "requests")
        models = {UNTRAINED: work.tools.llm(options.base), TRAINED: use(work, options)}
        predictions = pl.concat(
            score_answers(chunks, _ask(asked, evaluation_requests(chunks, system, options)), system, options)
            for system, asked in models.items()
        )
        work.emit(predictions=predictions)
        examples = int((labels["use"] == EXAMPLE).sum())
        return evaluation_figures(chunks, predictions, options, examples=examples)

    return Step(
        name=EVALUATED,
        run=run,
        version=EVALUATION_VERSION,
        description="Line F1 of the trained refiner on held-out documents, against the untrained model, keeping all "
        "and removing all, with a paired bootstrap over documents.",
        group="rewrite",
        options=lambda source: options.model_dump(mode="json", include=set(_EVALUATION)),
        inputs=(Input(LABELLED, scope="global", tables=("labels",)), adapter()),
        models=(options.base,),
        partitioned=False,
        kinds=frozenset({"parquet", "polars", "vllm"}),
    )


def _labels(work: Work) -> pl.DataFrame:
    """LABELS; bounded by the options."""
    return pl.concat([pl.DataFrame(schema=LABELS), *work.batches(LABELLED, "labels")])


def _ask(asked: LanguageModel, requests: list[Request]) -> dict[int, Answer]:
    return dict(asked.answer(enumerate(requests)))
