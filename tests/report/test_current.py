from __future__ import annotations

from assets.graph import steps
from gristmill.report.current import place
from gristmill.token_counts import DOCUMENT_STAGES
from tests.assets.stores import recipe_of

EVERYTHING = """
models: {small: {engine: stub}}
tokenizer: small
classifiers: {good: {path: good.bin}}
filter: {}
dedup: {urls: {}, paragraphs: {}, substrings: {}, semantic: {}}
refiner: {base: small}
refine: {model: refiner, prompt: trained, document: {model: small}}
rephrase: {model: small}
contamination: {benchmarks: {sums: {path: sums.jsonl}}}
quality: {positives: [{sources: [web]}], negatives: [{sources: [code]}]}
raters: {man: {kind: dataman, model: small}}
select: {budget_tokens: 10}
mix: {}
"""


def test_the_reports_know_every_asset_in_the_order_of_the_graph() -> None:
    made = steps(recipe_of(EVERYTHING, "web", "code"))
    names = [step.name for step in made]
    assert sorted(names, key=place) == names
    assert place("an asset that is gone") > place(names[-1])
    with_documents = [step.name for step in made if step.checked is not None]
    assert [stage for stage in DOCUMENT_STAGES if stage in with_documents] == with_documents
