"""Checkpoints: a folder counts only with its manifest, which names the hash of every file in it.

Written beside its place, synced, renamed, and only then recorded. Kept are the best by its validation loss and the
last three.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from errors import TuningNotFoundError
from finetune.jobs.paging import Page, page_of
from finetune.jobs.record import Checkpoint, Job, tuned_name
from finetune.jobs.rows import CHECKPOINT, as_checkpoint, as_json
from finetune.jobs.transitions import Lease, held, read_job
from loaders.database import Database
from loaders.files import hash_file, sync_folder

__all__ = ["MANIFEST", "CheckpointTable", "is_whole"]

MANIFEST = "manifest.json"
KEPT = 3  # of the last
_STEP = re.compile(r"step-(\d+)")


class CheckpointTable:
    """`root`: the store's folder; a checkpoint lies in jobs/ID/checkpoints/step-N."""

    def __init__(self, database: Callable[[], Database], clock: Callable[[], float], root: Path) -> None:
        self._database = database
        self._clock = clock
        self._root = root

    def folder(self, job_id: str) -> Path:
        return self._root / "jobs" / job_id / "checkpoints"

    def add(
        self,
        lease: Lease,
        *,
        step: int,
        epoch: float,
        metrics: Mapping[str, float],
        write: Callable[[Path], None],
        facts: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """`write` fills a folder of its own. The same step again replaces it. Raises TuningBusyError, OSError."""
        place = self.folder(lease.job_id) / f"step-{step}"
        digest = _written(
            place, write, {"step": step, "epoch": epoch, "metrics": dict(metrics), **(facts or {})}
        )
        made = Checkpoint(
            id=f"ftckpt_{secrets.token_hex(12)}",
            job_id=lease.job_id,
            step=step,
            epoch=epoch,
            created_at=self._clock(),
            model=f"{tuned_name(self._job(lease.job_id))}:ckpt-step-{step}",
            folder=str(place.relative_to(self._root)),
            metrics=dict(metrics),
        )
        with self._database().write() as rows:
            held(rows, lease)
            rows.execute("DELETE FROM checkpoints WHERE job = ? AND step = ?", (made.job_id, step))
            rows.execute(
                "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (made.id, made.job_id, step, epoch, made.created_at, made.model, made.folder,
                 as_json(made.metrics), digest),
            )  # fmt: skip
        self._thin(lease.job_id)
        return made

    def _job(self, job_id: str) -> Job:
        with self._database().read() as rows:
            return read_job(rows, job_id)

    def list(self, job_id: str, *, after: str | None = None, limit: int = 10) -> Page[Checkpoint]:
        """The newest first. Raises TuningNotFoundError for a job or a cursor that is not there."""
        with self._database().read() as rows:
            if rows.execute("SELECT 1 FROM jobs WHERE id = ?", (job_id,)).fetchone() is None:
                raise TuningNotFoundError(f"There is no fine-tuning job {job_id!r}.")
            before = _step(
                rows.execute("SELECT step FROM checkpoints WHERE id = ?", (after,)).fetchone(), after
            )
            found = rows.execute(
                f"SELECT {CHECKPOINT} FROM checkpoints WHERE job = ? AND step < ? ORDER BY step DESC LIMIT ?",
                (job_id, before, limit + 1),
            )
            return page_of([as_checkpoint(row) for row in found], limit)

    def valid(self, job_id: str) -> tuple[Checkpoint, ...]:
        """Those whose every byte is what the manifest says, the newest first."""
        with self._database().read() as rows:
            found = rows.execute(
                f"SELECT {CHECKPOINT}, manifest_sha256 FROM checkpoints WHERE job = ? ORDER BY step DESC",
                (job_id,),
            ).fetchall()
        return tuple(
            as_checkpoint(row[:8]) for row in found if is_whole(self._root / row[6], manifest_sha256=row[8])
        )

    def path(self, checkpoint: Checkpoint) -> Path:
        return self._root / checkpoint.folder

    def best(self, job_id: str) -> Checkpoint | None:
        """Least validation loss, of equals the earlier; without one the newest."""
        with self._database().read() as rows:
            found = rows.execute(
                f"SELECT {CHECKPOINT} FROM checkpoints WHERE job = ? ORDER BY step DESC", (job_id,)
            )
            return _best([as_checkpoint(row) for row in found])

    def _thin(self, job_id: str) -> None:
        with self._database().write() as rows:
            found = [
                as_checkpoint(row)
                for row in rows.execute(
                    f"SELECT {CHECKPOINT} FROM checkpoints WHERE job = ? ORDER BY step DESC", (job_id,)
                )
            ]
            best = _best(found)
            doomed = [one for one in found[KEPT:] if one != best]
            rows.executemany("DELETE FROM checkpoints WHERE id = ?", [(one.id,) for one in doomed])
        for one in doomed:
            shutil.rmtree(self._root / one.folder, ignore_errors=True)
        self._sweep(job_id)

    def _sweep(self, job_id: str) -> None:
        """Folders that nobody recorded: what a killed process left behind."""
        with self._database().read() as rows:
            kept = {
                Path(folder).name
                for (folder,) in rows.execute("SELECT folder FROM checkpoints WHERE job = ?", (job_id,))
            }
        for path in self.folder(job_id).glob("*"):
            if path.name not in kept and (_STEP.fullmatch(path.name) or path.name.startswith(".")):
                shutil.rmtree(path, ignore_errors=True)


def is_whole(folder: Path, *, manifest_sha256: str | None = None) -> bool:
    """Whether the folder holds what its manifest says, no more and no less."""
    try:
        data = (folder / MANIFEST).read_bytes()
        if manifest_sha256 is not None and hashlib.sha256(data).hexdigest() != manifest_sha256:
            return False
        files: dict[str, dict[str, Any]] = json.loads(data)["files"]
        there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return there == {*files, MANIFEST} and all(
            hash_file(folder / name) == (facts["sha256"], facts["bytes"]) for name, facts in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _written(place: Path, write: Callable[[Path], None], facts: Mapping[str, Any]) -> str:
    """The manifest's hash."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    part.mkdir(mode=0o700)
    try:
        write(part)
        files = {}
        for path in sorted(one for one in part.rglob("*") if one.is_file()):
            sha256, size = hash_file(path)
            files[str(path.relative_to(part))] = {"sha256": sha256, "bytes": size}
            _sync(path)
        data = json.dumps({**facts, "files": files}, sort_keys=True, allow_nan=False).encode()
        (part / MANIFEST).write_bytes(data)
        _sync(part / MANIFEST)
        sync_folder(part)
        if place.exists():
            shutil.rmtree(place)
        part.rename(place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return hashlib.sha256(data).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _best(found: list[Checkpoint]) -> Checkpoint | None:
    losses = [one for one in found if "full_valid_loss" in one.metrics]
    if losses:
        return min(losses, key=lambda one: (one.metrics["full_valid_loss"], one.step))
    return found[0] if found else None


def _step(found: tuple[int] | None, after: str | None) -> int:
    if after is None:
        return 2**62
    if found is None:
        raise TuningNotFoundError(f"There is no checkpoint {after!r} to go on after.")
    return found[0]
