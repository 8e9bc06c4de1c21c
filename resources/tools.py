"""What steps may use from outside, by name: models with their files, tokenizers and engines, and the cache of answers.

Everything is made on first use: a step that is answered by the cache loads no engine and imports no vLLM, and a build
that is cached as a whole only looks at sizes and times of model files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gristmill.embeddings import MINILM, Embedder, load_embedder
from gristmill.errors import RecipeError, suggest
from gristmill.hashing import digest_json
from gristmill.llm import AnswerCache, Engine, LanguageModel, ModelIdentity, Usage
from gristmill.llm.options import ModelOptions
from gristmill.store import Store
from gristmill.tokenizer import Tokenizer
from resources.engines import make_engine
from resources.home import answers_place, spool_folder
from resources.models import (
    PreparedModel,
    language_identifier,
    resolve_adapted,
    resolve_model,
    resolve_tokenizer,
    sentence_embedder,
)

if TYPE_CHECKING:
    from gristmill.recipe import Recipe

LANGUAGE_IDENTIFIER = "lid.176"  # always there, beside the models of the recipe
_BUILT_IN = {LANGUAGE_IDENTIFIER: language_identifier, MINILM: sentence_embedder}


class Tools:
    """The models of a recipe. At most one engine is in memory: loading one unloads the others."""

    def __init__(
        self, models: Mapping[str, ModelOptions], *, base: Path, answers: Path | str, folder: Path
    ) -> None:
        """`base`: what sources of models are relative to; `answers`: folder or URI of the cache; `folder`: prepared
        models.
        """
        self._options = models
        self._base, self._answers, self._folder = base, answers, folder
        self._prepared: dict[str, PreparedModel] = {}
        self._tokenizers: dict[str, Tokenizer] = {}
        self._embedders: dict[str, Embedder] = {}
        self._language_models: dict[str, LanguageModel] = {}

    @classmethod
    def open(cls, recipe: Recipe, store: Store, folder: Path) -> Tools:
        """The tools of a recipe, with prepared models in `folder`, and answers where resources.home says."""
        return cls(recipe.models, base=recipe.path.parent, answers=answers_place(store.name), folder=folder)

    def digest(self, name: str) -> str:
        """What names a model in fingerprints: the content of its files, and the options that change answers.

        Of a stub, and of a model that is named by its servers, only the tokenizer's files count.
        """
        model = self._model(name)
        if name in _BUILT_IN and name not in self._options:
            return model.digest
        return digest_json({"files": model.digest, "options": self._options_of(name).answer_relevant()})

    def path(self, name: str) -> Path:
        """The model's folder; of lid.176 the file."""
        return self._model(name).path

    def weights(self, name: str) -> Path:
        """The folder of a model of the recipe with its weights, to be trained on, also where a stub answers for it.

        Raises RecipeError for a model behind servers or with an adapter.
        """
        return resolve_model(self._base_options(name), self._folder, self._base).path

    def add_adapted(self, name: str, base: str, adapter: Mapping[str, Path], digest: str) -> None:
        """Make a model known: `base`, run as the recipe says, with an adapter that the graph trained.

        `adapter` are the adapter's files by the names that peft reads, `digest` names their content. They are merged
        into the weights at once, if that was not done before; where the engine is a stub, nothing is.
        """
        options, model = self._base_options(base), self._model(base)
        if options.engine == "stub":
            adapted = PreparedModel(model.path, digest_json({"base": model.digest, "adapter": digest}))
        else:
            adapted = resolve_adapted(model.path, model.digest, adapter, digest, self._folder)
        if self._prepared.get(name) == adapted:
            return
        if name in self._language_models:  # of an adapter that was trained before
            self._language_models.pop(name).close()
        self._tokenizers.pop(name, None)
        self._options = {**self._options, name: options}
        self._prepared[name] = adapted

    def tokenizer(self, name: str) -> Tokenizer:
        """The model's tokenizer."""
        if name not in self._tokenizers:
            self._tokenizers[name] = Tokenizer(self._model(name).path)
        return self._tokenizers[name]

    def embedder(self, name: str) -> Embedder:
        """The model, to make vectors of texts. It is loaded here; importing torch and transformers takes seconds."""
        if name not in self._embedders:
            self._embedders[name] = load_embedder(self._model(name).path)
        return self._embedders[name]

    def llm(self, name: str) -> LanguageModel:
        """The model, to be asked. Its files are checked here, its engine is loaded when an answer is missing."""
        if name not in self._language_models:
            options = self._options_of(name)
            identity = ModelIdentity(name, self.digest(name), options.dtype, options.max_model_len)
            self._language_models[name] = LanguageModel(
                identity, self.tokenizer(name), self._cache, lambda: self._load(name)
            )
        return self._language_models[name]

    def usage(self) -> Usage:
        """What all models together were asked so far, and what it cost."""
        return sum((model.usage for model in self._language_models.values()), Usage())

    def close(self) -> None:
        """Unload engines and finish the files of new answers."""
        for model in self._language_models.values():
            model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _cache(self) -> AnswerCache:
        if isinstance(self._answers, Path):
            return AnswerCache(self._answers)
        return AnswerCache(self._answers, spool=spool_folder(self._answers))

    def _load(self, name: str) -> Engine:
        for other, model in self._language_models.items():
            if other != name:
                model.unload()
        return make_engine(name, self._options_of(name), self._model(name), self.tokenizer(name))

    def _model(self, name: str) -> PreparedModel:
        if name not in self._prepared:
            self._prepared[name] = self._prepare(name)
        return self._prepared[name]

    def _prepare(self, name: str) -> PreparedModel:
        if name in _BUILT_IN and name not in self._options:
            return _BUILT_IN[name](self._folder)
        options = self._options_of(name)
        resolve = resolve_model if options.needs_weights else resolve_tokenizer
        return resolve(options, self._folder, self._base)

    def _base_options(self, name: str) -> ModelOptions:
        """The options of a model that gets a new adapter."""
        options = self._options_of(name)
        if options.engine == "server":  # it would answer without what was trained
            raise RecipeError(
                f"models.{name}.engine: got 'server', but a model that is fine-tuned must run here; name the base in "
                "a model of its own with engine `inline`"
            )
        if options.adapter is not None:
            raise RecipeError(
                f"models.{name}.adapter: got {options.adapter!r}, but a model that is fine-tuned must have none; name "
                "the base in a model of its own"
            )
        return options

    def _options_of(self, name: str) -> ModelOptions:
        if name not in self._options:
            known = sorted({*self._options, *_BUILT_IN})
            raise RecipeError(
                f"unknown model {name!r}; the recipe declares: {', '.join(known)}.{suggest(name, known)}"
            )
        return self._options[name]
