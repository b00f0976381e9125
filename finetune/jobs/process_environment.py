"""The environment of the processes that train: what is known to hold no secret, and the runner's configuration."""

from __future__ import annotations

import os

from finetune.jobs.configuration import RunnerConfig
from finetune.serving.environment import without_secrets

__all__ = ["environment_of"]

# Where the hub's models lie and which certificates are trusted: no keys. A proxy's address may hold a password.
CACHES = ("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def environment_of(config: RunnerConfig) -> dict[str, str]:
    """For the runner, and by it once more for its workers: what is known to hold no secret, and the configuration."""
    network = "1" if config.offline else "0"
    caches = {name: found for name in CACHES if (found := os.environ.get(name)) and "@" not in found}
    told = {"HF_HUB_OFFLINE": network, "TRANSFORMERS_OFFLINE": network, **caches}
    return without_secrets(os.environ) | told | dict(config.variables())
