"""An exported model onto the Hugging Face hub: private unless said otherwise, with the token of this one moment.

The token is read from HF_TOKEN when something is pushed, and kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from errors import ProviderError, SettingsError

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
PUSHED = ("*.json", "*.safetensors", "*.jinja", "*.md", "*.model", "*.txt", "Modelfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    url: str
    files: int


def push(folder: Path, repo: str, *, environment: Mapping[str, str], public: bool = False) -> Pushed:
    """Raises SettingsError for a wrong name or a missing token, ProviderError where the hub refuses or fails."""
    if not REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise SettingsError(f"{repo!r} names no repository of the hub: write OWNER/NAME.")
    token = environment.get("HF_TOKEN", "").strip()
    if not token:
        raise SettingsError(
            "Set HF_TOKEN to a token of huggingface.co that may write, in the environment of this command."
        )
    files = [path for pattern in PUSHED for path in folder.rglob(pattern)]
    if not any(path.suffix == ".safetensors" for path in files):
        raise SettingsError(
            f"{str(folder)!r} holds no model: name a tuned model or a folder that export wrote."
        )
    return Pushed(url=_sent(folder, repo, token, environment, public), files=len(files))


def _sent(folder: Path, repo: str, token: str, environment: Mapping[str, str], public: bool) -> str:
    import httpx2
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    constants.HF_HUB_DISABLE_TELEMETRY = (
        True  # else it asks huggingface.co what program this is, whatever the endpoint
    )
    api = HfApi(endpoint=environment.get("HF_ENDPOINT") or None, token=token)
    try:
        url = api.create_repo(repo, private=not public, exist_ok=True, repo_type="model")
        api.upload_folder(
            repo_id=repo, folder_path=str(folder), allow_patterns=list(PUSHED), commit_message="Groundtune"
        )
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        why = (
            "the token may not write there"
            if status in (401, 403)
            else f"it said {error.server_message or status}"
        )
        raise ProviderError(f"The hub did not take {repo!r}: {why}.") from None
    except (httpx2.HTTPError, OSError) as error:
        raise ProviderError(f"The hub cannot be reached ({type(error).__name__}): try again later.") from None
    return str(url)
