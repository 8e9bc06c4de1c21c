"""The store: finished outputs (objects), which of them is current (refs), and the list of shards (registry).

    ROOT/format.json                          version of this layout
    ROOT/objects/FI/FINGERPRINT/...           Parquet and other files of one output, manifest.json last
    ROOT/refs/RECIPE/ASSET/PARTITION.json     which object is current
    ROOT/registry/RECIPE/00000001.json        append-only: shards registered or removed
    ROOT/leases/TOKEN.json                    running builds, for garbage collection
    ROOT/answers/...                          cached answers of language models (gristmill.llm.cache)

Everything above `files` speaks to the small interface `Files`, so an object store can take the disk's place.
"""

from gristmill.store.files import Files, LocalFiles
from gristmill.store.garbage import Collected, collect_garbage
from gristmill.store.objects import FORMAT, FileEntry, Manifest, ObjectWriter, Ref, Store
from gristmill.store.registry import Registry, Shard, ShardFile, source_of

__all__ = [
    "FORMAT",
    "Collected",
    "FileEntry",
    "Files",
    "LocalFiles",
    "Manifest",
    "ObjectWriter",
    "Ref",
    "Registry",
    "Shard",
    "ShardFile",
    "Store",
    "collect_garbage",
    "source_of",
]
