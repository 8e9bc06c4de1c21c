"""The reference of the recipe, made from its models: a Markdown page for people, a JSON Schema for editors.

`python -m gristmill.reference docs` writes docs/recipe.md and docs/recipe.schema.json; a test compares them.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gristmill.recipe import Recipe

_HEAD = """# The recipe

A recipe is one YAML file. It is checked as a whole before anything runs; an unknown key is an error that names the
nearest known one. A section that is left out is a stage that is not in the graph. Paths are relative to the recipe.

Editors complete and check it with [recipe.schema.json](recipe.schema.json): for those that speak to the YAML language
server, the first line of a recipe names it, as in `# yaml-language-server: $schema=../docs/recipe.schema.json`.

This page is made from the code: `python -m gristmill.reference docs`.
"""


def recipe_markdown() -> str:
    """Every key of the recipe: type, default, meaning and source, one table per section."""
    sections = [_section("Top level", "", Recipe)]
    seen: set[type[BaseModel]] = {Recipe}
    for path, model in _nested("", Recipe, seen):
        sections.append(_section(f"`{path}`", path, model))
    return _HEAD + "\n" + "\n".join(sections)


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}


def _nested(
    path: str, model: type[BaseModel], seen: set[type[BaseModel]]
) -> Iterator[tuple[str, type[BaseModel]]]:
    """(path, class) of every group of options below, in the order of the fields; a class is listed once."""
    for name, field in model.model_fields.items():
        for suffix, inner in _models(field.annotation, ""):
            if inner not in seen:
                seen.add(inner)
                inner_path = f"{path}.{name}{suffix}".lstrip(".")
                yield inner_path, inner
                yield from _nested(inner_path, inner, seen)


def _models(annotation: Any, suffix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        tag = (
            f" (kind: {get_args(kind.annotation)[0]})"
            if kind and get_origin(kind.annotation) is Literal
            else ""
        )
        yield suffix + tag, annotation
    elif origin is dict:
        yield from _models(arguments[1], f"{suffix}.NAME")
    elif origin is tuple:
        yield from _models(arguments[0], f"{suffix}[]")
    elif origin is Annotated:
        yield from _models(arguments[0], suffix)
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _models(argument, suffix)


def _section(title: str, path: str, model: type[BaseModel]) -> str:
    about = " ".join((model.__doc__ or "").split())
    rows = [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join(
        [
            f"## {title}",
            "",
            about,
            "",
            "| key | type | default | meaning |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {meaning} |"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "null"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return f"mapping of name to {_type(arguments[1])}"
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(argument) for argument in arguments))
    return {str: "text", int: "integer", float: "number", bool: "true or false"}.get(
        annotation, str(annotation)
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "section's defaults"
    if isinstance(value, tuple | list) and value and isinstance(value[0], BaseModel):
        value = [item.model_dump(mode="json", exclude_defaults=False) for item in value]
        return f"{len(value)} entries"
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def write_reference(folder: Path) -> None:
    """Write recipe.md and recipe.schema.json into a folder."""
    (folder / "recipe.md").write_text(recipe_markdown(), encoding="utf-8")
    schema = json.dumps(recipe_schema(), indent=1, ensure_ascii=False) + "\n"
    (folder / "recipe.schema.json").write_text(schema, encoding="utf-8")


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
