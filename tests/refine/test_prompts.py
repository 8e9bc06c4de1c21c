from __future__ import annotations

import pytest

from gristmill.errors import RecipeError
from gristmill.refine.executor import ChunkProgram, execute_programs
from gristmill.refine.options import RefineOptions
from gristmill.refine.prompts import (
    PROMPT_NAMES,
    chunk_prompt,
    packaged_template,
    prompts_digest,
    render_prox,
)


def test_a_chat_ends_with_the_numbered_chunk_and_begins_alike_for_every_chunk() -> None:
    first = chunk_prompt(["a", "b"], 0, RefineOptions())
    second = chunk_prompt(["c"], 41, RefineOptions())
    assert first[-1] == ("user", "[doc]\n[000]a\n[001]b\n[/doc]")
    assert second[-1] == ("user", "[doc]\n[041]c\n[/doc]")
    assert first[:-1] == second[:-1]
    assert [role for role, _ in first] == ["system", *["user", "assistant"] * (len(first) // 2 - 1), "user"]


def test_the_examples_of_the_chat_are_programs_that_run_without_errors() -> None:
    turns = packaged_template("instruct").turns
    for document, program in zip(turns[::2], turns[1::2], strict=True):
        lines = document.split("\n")[1:-1]
        first_line = int(lines[0][1:4])
        text = "\n" * first_line + "\n".join(line[5:] for line in lines)
        done = execute_programs(text, [ChunkProgram(program, first_line, first_line + len(lines) - 1)])
        assert (done.errors, done.warnings) == ([], [])


def test_the_text_of_the_released_refiners_has_one_begin_mark_or_two() -> None:
    single = chunk_prompt(["a"], 0, RefineOptions(prompt="prox"))
    double = chunk_prompt(["a"], 0, RefineOptions(prompt="prox", bos_mode="reference_double"))
    assert isinstance(single, str)
    assert single.startswith("[INST] <<SYS>>\nYou are a helpful")
    assert single.endswith("<</SYS>>\n\n[doc]\n[000]a\n[/doc] [/INST]")
    assert double == "<s>" + single
    assert render_prox("{document} stays").endswith("\n\n{document} stays [/INST]")


def test_templates_name_source_and_licence_and_have_digests_of_their_own() -> None:
    templates = [packaged_template(name) for name in PROMPT_NAMES]
    assert all(template.source and template.licence == "Apache-2.0" for template in templates)
    digests = {prompts_digest(RefineOptions(prompt=name)) for name in ("instruct", "prox")}
    assert len(digests) == 2


def test_an_unknown_template_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(
        RecipeError, match=r"'pros'; known: document, instruct, prox, trained\. Did you mean 'prox'"
    ):
        packaged_template("pros")
