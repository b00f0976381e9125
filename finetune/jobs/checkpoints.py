"""Checkpoints: a folder counts only with its manifest, which names the hash of every file in it.

Written beside its place and synced; then, in one transaction that only the lease's holder gets, given its name and
recorded. A step that is trained again gets a folder of its own, so that at no moment both are gone. Kept are the best
by its validation loss and the last three.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from errors import TuningNotFoundError
from finetune.jobs.paging import Page, page_of
from finetune.jobs.record import Checkpoint, tuned_name
from finetune.jobs.rows import CHECKPOINT, as_checkpoint, as_json
from finetune.jobs.transitions import Lease, held, read_job
from loaders.database import Database
from loaders.files import hash_file, sync_folder

__all__ = ["MANIFEST", "CheckpointTable", "is_whole"]

MANIFEST = "manifest.json"
KEPT = 3  # of the last
_STEP = re.compile(r"step-(\d+)(-[0-9a-f]+)?")
_PART = re.compile(r"\.(\d+)-step-\d+-[0-9a-f]+")  # being written under the lease of this fence


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
        """`write` fills a folder of its own. What an earlier attempt had recorded of this step and of later ones, and
        could not be resumed from, goes. Raises LeaseLostError, OSError.
        """
        folder = self.folder(lease.job_id)
        told = {"step": step, "epoch": epoch, "metrics": dict(metrics), **(facts or {})}
        part, digest = _written(folder, f".{lease.fence}-step-{step}", write, told)
        try:
            with self._database().write() as rows:
                held(rows, lease)
                made = self._made(rows, lease, step, epoch, metrics)
                _record(rows, made, digest)
                part.rename(self.path(made))
                sync_folder(folder)
                doomed = [*_thinned(rows, lease.job_id), *self._left(rows, lease)]
        finally:
            shutil.rmtree(part, ignore_errors=True)
        for name in doomed:
            shutil.rmtree(folder / name, ignore_errors=True)
        return made

    def _made(
        self, rows: sqlite3.Connection, lease: Lease, step: int, epoch: float, metrics: Mapping[str, float]
    ) -> Checkpoint:
        place = self.folder(lease.job_id) / f"step-{step}"
        if place.exists():
            place = place.with_name(f"{place.name}-{secrets.token_hex(4)}")
        return Checkpoint(
            id=f"ftckpt_{secrets.token_hex(12)}",
            job_id=lease.job_id,
            step=step,
            epoch=epoch,
            created_at=self._clock(),
            model=f"{tuned_name(read_job(rows, lease.job_id))}:ckpt-step-{step}",
            folder=place.relative_to(self._root).as_posix(),
            metrics=dict(metrics),
        )

    def _left(self, rows: sqlite3.Connection, lease: Lease) -> list[str]:
        """Names of folders that nobody recorded, which killed processes left; none that the next holder writes."""
        found = rows.execute("SELECT folder FROM checkpoints WHERE job = ?", (lease.job_id,))
        kept = {Path(folder).name for (folder,) in found}
        names = [path.name for path in self.folder(lease.job_id).iterdir()]
        parts = [name for name in names if (part := _PART.fullmatch(name)) and int(part[1]) <= lease.fence]
        return [*(name for name in names if name not in kept and _STEP.fullmatch(name)), *parts]

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


def is_whole(folder: Path, *, manifest_sha256: str | None = None) -> bool:
    """Whether the folder holds what its manifest says, no more and no less."""
    try:
        data = (folder / MANIFEST).read_bytes()
        if manifest_sha256 is not None and hashlib.sha256(data).hexdigest() != manifest_sha256:
            return False
        files: dict[str, dict[str, Any]] = json.loads(data)["files"]
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        return there == {*files, MANIFEST} and all(
            hash_file(folder / name) == (facts["sha256"], facts["bytes"]) for name, facts in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _written(
    folder: Path, name: str, write: Callable[[Path], None], facts: Mapping[str, Any]
) -> tuple[Path, str]:
    """(what was written, synced down to the last folder; its manifest's hash). Leaves nothing where it fails."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{name}-{secrets.token_hex(4)}"
    part.mkdir(mode=0o700)
    try:
        write(part)
        files = {}
        for path in sorted(one for one in part.rglob("*") if one.is_file()):
            sha256, size = hash_file(path)
            files[path.relative_to(part).as_posix()] = {"sha256": sha256, "bytes": size}
            _sync(path)
        data = json.dumps({**facts, "files": files}, sort_keys=True, allow_nan=False).encode()
        (part / MANIFEST).write_bytes(data)
        _sync(part / MANIFEST)
        for inner in (part, *(one for one in part.rglob("*") if one.is_dir())):
            sync_folder(inner)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return part, hashlib.sha256(data).hexdigest()


def _record(rows: sqlite3.Connection, made: Checkpoint, digest: str) -> None:
    rows.execute("DELETE FROM checkpoints WHERE job = ? AND step >= ?", (made.job_id, made.step))
    rows.execute(
        "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, made.job_id, made.step, made.epoch, made.created_at, made.model, made.folder,
         as_json(made.metrics), digest),
    )  # fmt: skip


def _thinned(rows: sqlite3.Connection, job_id: str) -> list[str]:
    """Names of the folders of those that are kept no longer."""
    found = rows.execute(f"SELECT {CHECKPOINT} FROM checkpoints WHERE job = ? ORDER BY step DESC", (job_id,))
    checkpoints = [as_checkpoint(row) for row in found]
    best = _best(checkpoints)
    doomed = [one for one in checkpoints[KEPT:] if one != best]
    rows.executemany("DELETE FROM checkpoints WHERE id = ?", [(one.id,) for one in doomed])
    return [Path(one.folder).name for one in doomed]


def _sync(path: Path) -> None:
    mode = "r+b" if os.access(path, os.W_OK) else "rb"  # Windows syncs none that was opened for reading alone
    with path.open(mode) as file:
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
