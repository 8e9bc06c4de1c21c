"""The recipe: one YAML file that says what a corpus is made of and how.

It is checked as a whole before anything runs. An error names the file, the key, the value and what is allowed; an
unknown key offers the nearest known one. Each stage declares its own options in its own room; this module puts them
together and checks what only the whole can tell: that every source, model and score named anywhere is declared.
"""

from __future__ import annotations

import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from gristmill.contamination.options import ContaminationOptions
from gristmill.dedup.options import DedupOptions
from gristmill.documents import DOCUMENTS, Schema
from gristmill.embeddings import MINILM
from gristmill.errors import RecipeError, shorten, suggest
from gristmill.filter import measures_schema
from gristmill.filter.options import ClassifierOptions, FilterOptions
from gristmill.ingest.options import AnySource
from gristmill.llm.options import ModelOptions
from gristmill.mix.options import MixOptions
from gristmill.options import Options
from gristmill.refine.options import RefineOptions
from gristmill.refine.refiner_options import REFINER, RULES, RefinerOptions
from gristmill.rephrase import RephraseOptions, check_conditions
from gristmill.score.options import QualityOptions
from gristmill.score.raters import RaterOptions, score_columns
from gristmill.select import SCORES
from gristmill.select.options import SelectOptions

NAME = r"^[a-z][a-z0-9_]{0,39}$"
SOURCE_NAME = r"^[a-z][a-z0-9_-]{0,39}$"
OWNER = r"^(team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$"
CRON = r"^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$"


class ScheduleOptions(Options):
    """When the corpus is built without anyone asking."""

    cron: str = Field(
        default="0 3 * * *",
        pattern=CRON,
        description="When the nightly build starts, in cron's five fields, UTC.",
    )
    sensor_seconds: int = Field(default=30, ge=5, description="How often the landing folders are looked at.")
    settle_seconds: float = Field(
        default=5.0,
        ge=0,
        description="A file younger than this may still be copied, and waits for the next look.",
    )


class Recipe(Options):
    """A corpus: sources, stages with their options, models, mixture. A stage that is left out is not in the graph."""

    name: str = Field(pattern=NAME, description="Prefix of all asset keys; letters, digits and _.")
    owners: tuple[Annotated[str, Field(pattern=OWNER)], ...] = Field(
        ("team:data",),
        strict=False,
        description="Owners that the Dagster UI shows: `team:NAME` or an e-mail address.",
    )
    sources: dict[Annotated[str, Field(pattern=SOURCE_NAME)], AnySource] = Field(
        min_length=1, description="Where text comes from. The order is the order of registration."
    )
    models: dict[str, ModelOptions] = Field(
        default_factory=dict,
        description="Models by the name that the stages use: packages, local folders or hub ids.",
    )
    classifiers: dict[Annotated[str, Field(pattern=NAME)], ClassifierOptions] = Field(
        default_factory=dict,
        description="fastText classifiers that `filter.classifiers` asks, by name: files, or trained on examples.",
    )
    tokenizer: str | None = Field(
        None, description="Name of the model whose tokenizer counts tokens and writes the token shards."
    )
    filter: FilterOptions | None = Field(None, description="Language, Gopher quality and repetition rules.")
    filter_for: dict[str, FilterOptions] = Field(
        default_factory=dict, description="Other filter options for single sources, by the source's name."
    )
    dedup: DedupOptions | None = Field(None, description="Exact and near duplicates; the earliest stays.")
    refine: RefineOptions | None = Field(
        None, description="ProX: an LLM drops documents and writes small edit programs."
    )
    refiner: RefinerOptions | None = Field(
        None,
        description="A small model trained in the graph to write the programs; `refine.model: refiner` uses it.",
    )
    rephrase: RephraseOptions | None = Field(
        None, description="WRAP, Nemotron-CC, formats: an LLM rewrites passages in given styles."
    )
    contamination: ContaminationOptions | None = Field(
        None, description="Items of evaluation sets are found in natural and made texts."
    )
    quality: QualityOptions | None = Field(None, description="A fastText classifier trained in the graph.")
    raters: dict[Annotated[str, Field(pattern=NAME)], RaterOptions] = Field(
        default_factory=dict,
        description="Language models that score documents, by name: DataMan, or a prompt with a scale. Each is an "
        "asset `scores/NAME`; its scores are columns NAME or NAME_SCORE of `scored`.",
    )
    select: SelectOptions | None = Field(None, description="Which documents the token budget is spent on.")
    mix: MixOptions | None = Field(None, description="Weights per source, real to synthetic, token shards.")
    schedule: ScheduleOptions = Field(default=ScheduleOptions(), description="Schedule and sensor.")

    _path: Path = PrivateAttr(default=Path("recipe.yaml"))

    @property
    def path(self) -> Path:
        """The file that the recipe was read from; its inputs are relative to that file's folder."""
        return self._path

    def filter_options(self, source: str) -> FilterOptions | None:
        """The filter options that hold for a source."""
        return self.filter_for.get(source, self.filter)


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raise RecipeError with one line per fault, and nothing has run."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"recipe {str(path)!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"recipe {str(path)!r} is not UTF-8 text: {error}") from error
    return parse_recipe(text, path)


def parse_recipe(text: str, path: Path) -> Recipe:
    """Check the text of a recipe; `path` is named in errors and is what inputs are relative to."""
    where = f"recipe {path.name}"
    try:
        values = yaml.load(text, Loader=_Loader)  # a SafeLoader that also refuses repeated keys
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: {_yaml_message(error)}") from error
    except RecursionError as error:
        raise RecipeError(f"{where}: brackets or blocks are nested too deeply to be read") from error
    if not isinstance(values, dict):
        raise RecipeError(
            f"{where}: got {shorten(values)}, must be a mapping that begins with `name:` and `sources:`"
        )
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError("\n".join(_fault(where, fault) for fault in _causes(error.errors()))) from error
    recipe._path = path.absolute()
    faults = [f"{where}, {fault}" for fault in _references(recipe)]
    if faults:
        raise RecipeError("\n".join(faults))
    return recipe


# -- what only the whole recipe can tell ------------------------------------------------------------------------


def _references(recipe: Recipe) -> list[str]:
    faults = []
    for key, source in [(f"filter_for.{name}", name) for name in recipe.filter_for]:
        faults += _known(key, source, recipe.sources, "source")
    for key, given in [
        ("filter", recipe.filter),
        *((f"filter_for.{k}", v) for k, v in recipe.filter_for.items()),
    ]:
        for entry in given.classifiers if given is not None else ():
            faults += _known(f"{key}.classifiers.{entry.name}", entry.model, recipe.classifiers, "classifier")
    if "quality" in recipe.classifiers and recipe.quality is not None:
        faults.append(
            "classifiers.quality: the section `quality:` makes the asset `models/quality`; use another name"
        )
    for stage in ("refine", "rephrase"):
        options = getattr(recipe, stage)
        if options is not None:
            trained = {REFINER: None} if stage == "refine" and recipe.refiner is not None else {}
            faults += _known(f"{stage}.model", options.model, {**recipe.models, **trained}, "model")
            for source in options.sources or ():
                faults += _known(f"{stage}.sources", source, recipe.sources, "source")
    fact_check = recipe.rephrase.fact_check if recipe.rephrase is not None else None
    if fact_check is not None and fact_check.model is not None:
        faults += _known("rephrase.fact_check.model", fact_check.model, recipe.models, "model")
    if recipe.quality is not None:
        for side in ("positives", "negatives"):
            for source in (s for given in getattr(recipe.quality, side) for s in given.sources):
                faults += _known(f"quality.{side}", source, recipe.sources, "source")
    faults += _refine_faults(recipe)
    faults += _style_faults(recipe)
    faults += _rater_faults(recipe)
    faults += _embedder_faults(recipe)
    if recipe.tokenizer is not None:
        faults += _known("tokenizer", recipe.tokenizer, recipe.models, "model")
    if recipe.mix is not None:
        for source in recipe.mix.weights or {}:
            faults += _known("mix.weights", source, recipe.sources, "source")
        for source in (recipe.mix.group.sources or ()) if recipe.mix.group is not None else ():
            faults += _known("mix.group.sources", source, recipe.sources, "source")
        if recipe.select is None:
            faults.append("mix: needs a `select:` section; `select: {}` takes everything")
    faults += _select_faults(recipe)
    if recipe.select is not None and recipe.select.min_quality is not None and recipe.quality is None:
        faults.append("select.min_quality: needs a `quality:` section, which scores the documents")
    if recipe.tokenizer is None:
        faults += [
            f"sources.{name}: is measured in tokens; needs `tokenizer:`, the name of a model that counts them"
            for name, source in recipe.sources.items()
            if source.needs_tokenizer
        ]
    if recipe.select is not None and recipe.tokenizer is None:
        faults.append("select: needs `tokenizer:`, the name of a model that counts tokens")
    if recipe.filter is None and recipe.filter_for:
        faults.append("filter_for: needs a `filter:` section that holds for the other sources")
    return faults


def _refine_faults(recipe: Recipe) -> list[str]:
    """Models and prompts of the document stage and of the model that is trained."""
    faults = []
    refine, refiner = recipe.refine, recipe.refiner
    if refine is not None and refine.document is not None:
        asked = refine.document.model or refine.model
        faults += _known("refine.document.model", asked, recipe.models, "model")
    if refine is not None:
        uses_trained = refiner is not None and refine.model == REFINER
        if refine.chunks and (refine.prompt == "trained") != uses_trained:
            faults.append(
                f"refine.prompt: got {refine.prompt!r} with the model {refine.model!r}; `trained` goes with "
                f"`model: {REFINER}` and a section `refiner:`, and only with them"
            )
    if refiner is not None:
        faults += _known("refiner.base", refiner.base, recipe.models, "model")
        base = recipe.models.get(refiner.base)
        if base is not None and base.engine == "server":
            faults.append(
                f"refiner.base: {refiner.base!r} has engine 'server'; what is trained runs on this machine, so its "
                "base needs engine 'inline' or 'stub'"
            )
        faults += _known("refiner.teacher", refiner.teacher, {**recipe.models, RULES: None}, "teacher")
        for source in refiner.sources or ():
            faults += _known("refiner.sources", source, recipe.sources, "source")
        if REFINER in recipe.models:
            faults.append(
                f"models.{REFINER}: the section `refiner:` makes a model of this name; use another one"
            )
    return faults


def _style_faults(recipe: Recipe) -> list[str]:
    """Conditions of styles, over the columns of documents and the measures of the filters."""
    if recipe.rephrase is None:
        return []
    columns: Schema = {}
    for filters in (recipe.filter, *recipe.filter_for.values()):
        columns |= measures_schema(filters) if filters is not None else {}
    try:
        check_conditions(recipe.rephrase, {**columns, **DOCUMENTS})
    except ValueError as error:
        return [f"rephrase.{error}"]
    return []


def _rater_faults(recipe: Recipe) -> list[str]:
    """Models, sources and names of columns of the raters."""
    faults = []
    taken = dict.fromkeys(SCORES, "`scored` itself")
    for name, options in recipe.raters.items():
        key = f"raters.{name}"
        if name == "quality":
            faults.append(f"{key}: `scores/quality` is the asset of the section `quality:`; use another name")
        faults += _known(f"{key}.model", options.model, recipe.models, "model")
        for source in options.sources or ():
            faults += _known(f"{key}.sources", source, recipe.sources, "source")
        for column in score_columns(name, options):
            if column in taken:
                faults.append(f"{key}: its column {column!r} is one of {taken[column]}; use another name")
            taken[column] = f"`raters.{name}`"
    return faults


def _embedder_faults(recipe: Recipe) -> list[str]:
    """The model of `dedup.semantic`: the one that is always there, or one that is declared with its weights."""
    options = recipe.dedup.semantic if recipe.dedup is not None else None
    if options is None:
        return []
    model = recipe.models.get(options.model)
    if model is not None and not model.needs_weights:
        return [
            f"dedup.semantic.model: {options.model!r} has engine {model.engine!r}; vectors need engine 'inline'"
        ]
    return _known("dedup.semantic.model", options.model, {**recipe.models, MINILM: None}, "model")


def _select_faults(recipe: Recipe) -> list[str]:
    """Columns of scores and labels that the selection names."""
    if recipe.select is None:
        return []
    scores = {
        c: s for name, options in recipe.raters.items() for c, s in score_columns(name, options).items()
    }
    numbers = {column: score for column, score in scores.items() if score.labels is None}
    labels = {column: score.labels for column, score in scores.items() if score.labels is not None}
    faults = _known("select.by", recipe.select.by, {"quality": 0, "hash": 0, **numbers}, "score")
    for column in recipe.select.min_scores:
        faults += _known("select.min_scores", column, numbers, "score")
    for column, wanted in recipe.select.labels.items():
        faults += _known("select.labels", column, labels, "column of labels")
        for label in wanted if column in labels else ():
            allowed = dict.fromkeys(labels[column])
            faults += _known(f"select.labels.{column}", label, allowed, "label")
    for column in recipe.select.quotas.columns if recipe.select.quotas is not None else ():
        groups = {"language": 0, "lang": 0, "source": 0, **labels}
        faults += _known("select.quotas.by", column, groups, "group")
    return faults


def _known(key: str, name: str, known: dict[str, Any], what: str) -> list[str]:
    if name in known:
        return []
    listed = ", ".join(sorted(known)) or "none"
    return [f"{key}: unknown {what} {name!r}; declared: {listed}.{suggest(name, known)}"]


# -- messages ---------------------------------------------------------------------------------------------------


# What pydantic says, in the words of YAML.
_MEANINGS = {
    "model_type": "must be a mapping of `key: value`",
    "model_attributes_type": "must be a mapping of `key: value`",
    "dict_type": "must be a mapping of `key: value`",
    "tuple_type": "must be a list, such as [a, b]",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
}


def _causes(faults: Sequence[Any]) -> list[Any]:
    """The faults without those that only follow from one further inside: a faulty item is not counted, say."""
    places = [fault["loc"] for fault in faults]
    return [
        f
        for f in faults
        if not any(len(p) > len(f["loc"]) and p[: len(f["loc"])] == f["loc"] for p in places)
    ]


def _fault(where: str, fault: Any) -> str:
    location = _readable(fault["loc"])
    kind, got, allowed = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(fault["loc"][-1])
        known = sorted(_fields_at(Recipe, list(fault["loc"][:-1])))
        return f"{where}, {location}: unknown key; known: {', '.join(known)}.{suggest(name, known)}"
    if kind == "missing":
        return f"{where}, {location}: is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = sorted(_tags_at(Recipe, list(fault["loc"])))
        key = f"{location}.{allowed['discriminator'].strip(chr(39))}"
        if kind == "union_tag_not_found":
            return f"{where}, {key}: is missing; known: {', '.join(tags)}"
        return f"{where}, {key}: got {allowed['tag']!r}; known: {', '.join(tags)}.{suggest(allowed['tag'], tags)}"
    if kind == "secret":  # a value that may be a password is not repeated
        return f"{where}, {location}: {fault['msg']}"
    if kind == "value_error":
        return f"{where}, {location}: got {shorten(got)}; {fault['msg'].removeprefix('Value error, ')}"
    if kind == "too_short":
        meaning = f"must have at least {allowed['min_length']} entry"
    elif kind == "string_pattern_mismatch":
        meaning = f"must match the pattern {allowed['pattern']}"
    else:
        meaning = _MEANINGS.get(kind) or re.sub(r"^\w+ should", "must", fault["msg"])
    return f"{where}, {location}: got {shorten(got)}, {meaning}"


def _readable(location: tuple[str | int, ...]) -> str:
    """`sources.web.inputs`, without the tags that pydantic puts between for unions."""
    parts: list[str] = []
    reached: Any = Recipe
    for part in location:
        if (
            part == "[key]"
        ):  # pydantic's mark where the key itself is at fault; its value is shown as what was got
            parts.pop()
            continue
        following = _step_into(reached, part)
        if following is None and reached is not None and _is_tag(reached, part):
            continue
        parts.append(str(part))
        reached = following
    return ".".join(parts)


def _fields_at(model: Any, location: list[str | int]) -> set[str]:
    """Names of the fields of the options class that a location leads to."""
    reached: Any = model
    for part in location:
        reached = _tagged(reached, part) if _is_tag(reached, part) else _step_into(reached, part)
    classes = _classes(reached)
    return {name for found in classes for name in found.model_fields}


def _tags_at(model: Any, location: list[str | int]) -> set[str]:
    """The tags (kinds) that the union at a location knows."""
    reached: Any = model
    for part in location:
        reached = _step_into(reached, part)
    return {
        tag
        for found in _classes(reached)
        for field in found.model_fields.values()
        if get_origin(field.annotation) is Literal and field.is_required()
        for tag in get_args(field.annotation)
    }


def _step_into(annotation: Any, part: str | int) -> Any:
    for found in _classes(annotation):
        if part in found.model_fields:
            field = found.model_fields[str(part)]
            return field.annotation
    for option in _options(annotation):
        if get_origin(option) is dict:
            return get_args(option)[1]
        if get_origin(option) is tuple and isinstance(part, int):
            return get_args(option)[0]
    return None


def _is_tag(annotation: Any, part: str | int) -> bool:
    return len(_classes(annotation)) > 1 and _tagged(annotation, part) is not None


def _tagged(annotation: Any, part: str | int) -> Any:
    for found in _classes(annotation):
        for field in found.model_fields.values():
            if part in get_args(field.annotation) and isinstance(part, str):
                return found
    return None


def _classes(annotation: Any) -> list[type[BaseModel]]:
    return [o for o in _options(annotation) if isinstance(o, type) and issubclass(o, BaseModel)]


def _options(annotation: Any) -> list[Any]:
    """The members of a union, through Annotated; the annotation itself where it is none."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [option for member in get_args(annotation) for option in _options(member)]
    return [annotation]


# -- YAML -------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice in one mapping is an error, not the last one wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *other`
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} must be text", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _yaml_message(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position + 1} is U+{int(error.character):04X}, which YAML does not allow"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
