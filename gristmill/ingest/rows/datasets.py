"""Which files of a Hugging Face dataset folder hold a split.

In this order: what `save_to_disk` wrote; what the YAML of the README says (`configs:`); else what the names of files
and folders say. Sources: the hub's documentation, "Data files Configuration" and "File names and splits"; the
library `datasets`, module data_files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from pathlib import PurePosixPath
from typing import Any

from gristmill.errors import InputError, shorten, suggest
from gristmill.ingest.files.front_matter import read_front_matter

FORMATS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
}
_PACKED = frozenset({".gz", ".zst", ".bz2", ".xz", ".zip"})
_NO_DATA = frozenset(
    {"README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
)
_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SHARD = re.compile(r"(?:^|/)data/([^/]+?)-\d{5}-of-\d{5}[^/]*\.[^/]+$")  # data/SPLIT-00000-of-00003.parquet
_MAX_README_CHARS = 4_000_000


def data_format(name: str) -> str | None:
    """What a file holds by its name, whether compressed or not: parquet, arrow, json, csv, tsv, text; else None."""
    path = PurePosixPath(name)
    if path.suffix.lower() in _PACKED:
        path = PurePosixPath(path.stem)
    return FORMATS.get(path.suffix.lower())


def dataset_files(
    names: Sequence[str], read: Callable[[str], bytes], *, config: str | None, split: str
) -> list[str]:
    """The names of the files that hold a split, sorted; `names` are all below the folder, `read` gives a content.

    Raises InputError where there is no such configuration or split.
    """
    visible = sorted(name for name in names if not _is_hidden(name))
    if "dataset_dict.json" in visible or "state.json" in visible:
        splits = _saved_splits(visible, read)
    else:
        card = _card(visible, read)
        configs = _configs(card, visible)
        if configs:
            splits = _choose(configs, config)
        else:
            if config is not None:
                raise InputError(
                    f"config: got {config!r}, but the README declares no `configs:` with `data_files:`"
                )
            splits = _splits_by_name([name for name in visible if _holds_data(name)])
    if split not in splits:
        known = ", ".join(sorted(splits)) or "none; there is no file of a known kind"
        raise InputError(f"split: got {split!r}, the dataset has {known}.{suggest(split, splits)}")
    return sorted(set(splits[split]))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__")) for part in name.split("/"))


def _holds_data(name: str) -> bool:
    return data_format(name) is not None and PurePosixPath(name).name not in _NO_DATA


# -- save_to_disk -----------------------------------------------------------------------------------------------


def _saved_splits(names: Sequence[str], read: Callable[[str], bytes]) -> dict[str, list[str]]:
    """Arrow files by split, as `state.json` names them."""
    if "dataset_dict.json" not in names:
        state = _json("state.json", read)
        return {str(state.get("_split") or "train"): _saved_files("", state, names)}
    splits = _json("dataset_dict.json", read).get("splits")
    if not isinstance(splits, list):
        raise InputError(f"dataset_dict.json: `splits` is {shorten(splits)}, must be a list")
    return {
        str(split): _saved_files(f"{split}/", _json(f"{split}/state.json", read), names)
        for split in splits
        if f"{split}/state.json" in names
    }


def _saved_files(folder: str, state: dict[str, Any], names: Sequence[str]) -> list[str]:
    listed = state.get("_data_files")
    files = (
        [one.get("filename") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    )
    missing = [name for name in files if f"{folder}{name}" not in names]
    if missing or not files:
        raise InputError(f"{folder}state.json: names files that are not there: {shorten(missing)}")
    return [f"{folder}{name}" for name in files]


def _json(name: str, read: Callable[[str], bytes]) -> dict[str, Any]:
    try:
        value = json.loads(read(name))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{name}: got {shorten(value)}, must be an object")
    return value


# -- README -----------------------------------------------------------------------------------------------------


def _card(names: Sequence[str], read: Callable[[str], bytes]) -> dict[str, Any]:
    if "README.md" not in names:
        return {}
    values, _ = read_front_matter(read("README.md").decode(errors="replace"), max_chars=_MAX_README_CHARS)
    return values


def _configs(card: dict[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Declared configurations by name, with their files by split under `splits`."""
    declared = card.get("configs")
    found: dict[str, dict[str, Any]] = {}
    for one in declared if isinstance(declared, list) else []:
        if not isinstance(one, dict) or not ("data_files" in one or "data_dir" in one):
            continue
        name = str(one.get("config_name", "default"))
        folder = str(one.get("data_dir") or "").strip("./")
        below = [path for path in names if not folder or path.startswith(f"{folder}/")]
        if "data_files" in one:
            splits = {
                split: [
                    path for path in below if any(_matches(path, folder, pattern) for pattern in patterns)
                ]
                for split, patterns in _patterns(one["data_files"]).items()
            }
        else:
            splits = _splits_by_name([path for path in below if _holds_data(path)])
        found[name] = {"default": one.get("default") is True, "splits": splits}
    return found


def _patterns(given: Any) -> dict[str, list[str]]:
    """Patterns by split; without a split, all is `train`."""
    if isinstance(given, dict):
        return {str(split): _listed(patterns) for split, patterns in given.items()}
    if isinstance(given, list) and all(isinstance(one, dict) for one in given):
        patterns: dict[str, list[str]] = {}
        for one in given:
            patterns.setdefault(str(one.get("split", "train")), []).extend(_listed(one.get("path")))
        return patterns
    return {"train": _listed(given)}


def _listed(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _matches(name: str, folder: str, pattern: str) -> bool:
    """Whether a pattern names a file: `*` within a folder, `**` through folders, a folder all that is below it."""
    pattern = f"{folder}/{pattern}" if folder else pattern
    pattern = pattern.removeprefix("./").rstrip("/")
    return name.startswith(f"{pattern}/") or re.fullmatch(_regex(pattern), name) is not None


def _regex(pattern: str) -> str:
    parts = []
    for part in re.split(r"(\*\*/|\*\*|/)", pattern):
        if part == "**/":
            parts.append("(?:.*/)?")
        elif part == "**":
            parts.append(".*")
        elif part != "/":
            parts.append(translate(part).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*"))
        else:
            parts.append("/")
    return "".join(parts)


def _choose(configs: dict[str, dict[str, Any]], wanted: str | None) -> dict[str, list[str]]:
    defaults = [name for name, one in configs.items() if one["default"]]
    if wanted is None:
        wanted = next(
            iter(defaults), "default" if "default" in configs or len(configs) > 1 else next(iter(configs))
        )
    if wanted not in configs:
        known = ", ".join(sorted(configs))
        raise InputError(f"config: got {wanted!r}, the README declares {known}.{suggest(wanted, configs)}")
    splits: dict[str, list[str]] = configs[wanted]["splits"]
    return splits


# -- names ------------------------------------------------------------------------------------------------------


def _splits_by_name(names: Sequence[str]) -> dict[str, list[str]]:
    """Files by split as their names say it; where they say nothing, all is `train`."""
    for splits in (_by_shard(names), _by_word(names, folders=True), _by_word(names, folders=False)):
        if splits:
            return splits
    return {"train": list(names)} if names else {}


def _by_shard(names: Sequence[str]) -> dict[str, list[str]]:
    splits: dict[str, list[str]] = {}
    for name in names:
        if found := _SHARD.search(name):
            splits.setdefault(found[1], []).append(name)
    return splits


def _by_word(names: Sequence[str], *, folders: bool) -> dict[str, list[str]]:
    """By the words for splits in the names of folders, or of files; a word stands between signs or digits."""
    splits: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        parts = path.parent.parts if folders else (path.name,)
        for split, words in _WORDS.items():
            pattern = rf"(?:^|[\W\d_])(?:{'|'.join(words)})(?:[\W\d_]|$)"
            if any(re.search(pattern, part, re.IGNORECASE) for part in parts):
                splits.setdefault(split, []).append(name)
                break
    return splits
