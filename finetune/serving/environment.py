"""What a process that generates is started with: no key and no address of a server is in its environment."""

from __future__ import annotations

from collections.abc import Mapping

# Where programs, libraries, graphics cards and temporary files are found; nothing else is handed on.
_KEPT = frozenset(
    {
        "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "PYTHONPATH", "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
        "OMP_NUM_THREADS", "MKL_NUM_THREADS", "SYSTEMROOT", "COMSPEC", "PATHEXT", "USERPROFILE", "LOCALAPPDATA",
    }
)  # fmt: skip
_SET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Only names that are known to hold none, and what keeps libraries off the network."""
    return {name: value for name, value in environment.items() if name.upper() in _KEPT} | _SET
