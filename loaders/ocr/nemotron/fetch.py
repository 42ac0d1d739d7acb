"""Fetch NVIDIA's model files from the Hugging Face hub, at pinned revisions, when the user asks; nothing else does.

Goes out: a folder that checkpoint.load_checkpoint reads, with a lock file of the digests. Digests are compared with
what the hub states, recorded on the first fetch, and compared with the record from then on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loaders.errors import ModelFileError
from loaders.ocr.nemotron.checkpoint import CHARSET, CONFIG, LOCK, NETWORKS, file_digest, read_lock
from loaders.ocr.nemotron.variants import variant_config

if TYPE_CHECKING:
    from huggingface_hub.file_download import HfFileMetadata

LICENCE_NOTICE = (
    "The weights of nemotron-ocr are NVIDIA's, under the NVIDIA Open Model License: "
    "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/"
)
FILES = (*(f"{name}.pth" for name in NETWORKS), CHARSET, CONFIG)


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A folder of a hub repository at a pinned commit; `optional` files may be absent from it."""

    repository: str
    revision: str
    folder: str
    optional: tuple[str, ...] = ()


V2_REVISION = "0e83e83f17943524b90afa6c0fd82ac2bc1a40ca"
HUB_FOLDERS: dict[str, HubFolder] = {
    "v1": HubFolder(
        "nvidia/nemotron-ocr-v1", "8657d08d3279f4864002d5fd3fdcd47ad8c96bcb", "checkpoints", optional=(CONFIG,)
    ),
    "v2-en": HubFolder("nvidia/nemotron-ocr-v2", V2_REVISION, "v2_english"),
    "v2-multi": HubFolder("nvidia/nemotron-ocr-v2", V2_REVISION, "v2_multilingual"),
}


def fetch(
    variant: str,
    destination: str | Path,
    *,
    endpoint: str | None = None,
    notice: Callable[[str], object] = print,
) -> Path:
    """Fetch a variant's files into a folder and lock them; files that already match the lock are kept.

    `notice` is told the licence. `endpoint` is another hub's address. Raises ModelFileError when a file cannot be had,
    or is not what the hub states or the lock recorded; UsageError for an unknown variant.
    """
    variant_config(variant)
    notice(LICENCE_NOTICE)
    source, folder = HUB_FOLDERS[variant], Path(destination)
    folder.mkdir(parents=True, exist_ok=True)
    locked = read_lock(folder / LOCK)
    digests: dict[str, str] = {}
    for name in FILES:
        if name in locked and (folder / name).is_file() and file_digest(folder / name) == locked[name]:
            digests[name] = locked[name]
        elif path := _download(source, name, folder, endpoint):
            digests[name] = _keep(path, folder / name, locked.get(name))
    shutil.rmtree(folder / ".download", ignore_errors=True)
    _write_lock(folder / LOCK, variant, source, digests)
    return folder


def _download(source: HubFolder, name: str, folder: Path, endpoint: str | None) -> Path | None:
    """Download one file to a folder inside the destination and compare it with what the hub states of it."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    remote = f"{source.folder}/{name}"
    try:
        url = hf_hub_url(source.repository, remote, revision=source.revision, endpoint=endpoint)
        stated = get_hf_file_metadata(url)
        path = Path(
            hf_hub_download(
                source.repository,
                remote,
                revision=source.revision,
                local_dir=folder / ".download",
                endpoint=endpoint,
            )
        )
    except EntryNotFoundError as error:
        if name in source.optional:
            return None
        raise ModelFileError(f"{source.repository} has no {remote} at {source.revision}") from error
    except Exception as error:  # whose class depends on the HTTP library that the hub's client uses
        raise ModelFileError(f"{remote} of {source.repository} cannot be fetched: {error}") from error
    _compare(path, stated)
    return path


def _compare(path: Path, stated: HfFileMetadata) -> None:
    """Compare a file with the hub's ETag: the sha256 of a large file, the git blob's sha1 of a small one."""
    etag = stated.etag or ""
    if len(etag) == 64:
        found = file_digest(path)
    elif len(etag) == 40:
        content = path.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    else:
        return  # a mirror that states no digest; the lock still holds from now on
    if found != etag:
        path.unlink()
        raise ModelFileError(f"{path.name} arrived damaged: digest {found}, the hub states {etag}; fetch it again")


def _keep(path: Path, final: Path, locked: str | None) -> str:
    digest = file_digest(path)
    if locked and digest != locked:
        raise ModelFileError(f"the hub now sends another {final.name} than {LOCK} recorded: {digest}, was {locked}")
    path.replace(final)
    return digest


def _write_lock(path: Path, variant: str, source: HubFolder, digests: dict[str, str]) -> None:
    lock = {
        "variant": variant,
        "repository": source.repository,
        "revision": source.revision,
        "licence": LICENCE_NOTICE,
        "files": {
            name: {"sha256": digest, "size": path.with_name(name).stat().st_size} for name, digest in digests.items()
        },
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
