"""An order to its place, so that it is paid once whatever breaks: this process, the connection or the place.

    written -> uploading -> creating -> sent          each step is in the ledger before it is taken

Once it was "creating", a job may be there. Whoever takes it up looks for its tag at the place first; a second job is
asked for only when the place answers and has none. The SDK's own repeats are off for that one request, since it would
ask again without knowing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chains.failures import QUOTA_CODES, retry_wait_s
from errors import GroundtuneError, TuningError, TuningNotFoundError
from finetune.providers.connection import Connection
from finetune.providers.failures import CLOSED, closed_error, code_of, place_error, said_by
from finetune.providers.ledger import TAG_KEY, Ledger
from finetune.providers.orders import Entry, Order
from finetune.providers.places import places
from finetune.providers.uploading import PART_BYTES, outgoing, there_already, upload, wait_until_processed
from finetune.providers.wire import job_body, pages, plain

LOOK_AFTER_S = (1.0, 3.0, 6.0)  # after a lost answer: a list may lag behind what was made
ATTEMPTS = 3
_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")  # of a model's version
_NOT_READY = re.compile(r"not (yet )?(ready|processed)|being processed|still processing", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    ledger: Ledger
    connection: Connection
    sleep: Callable[[float], None]
    part_bytes: int = PART_BYTES

    def send(self, entry: Entry, order: Order) -> Entry:
        """Takes an entry on from wherever it stopped. Raises what the place refuses, TuningBusyError where another
        process is at it; after that `Entry.state` says how far it came.
        """
        with self.ledger.sending(entry.tag):
            entry = self.ledger.get(entry.tag)
            if entry.state in ("sent", "lost"):
                return entry
            if entry.creating_at is not None and (found := self.found(entry)) is not None:
                return self._sent(entry, found)
            entry = self._files(entry, order)
            return self._create(entry, order)

    def recover(self, entry: Entry) -> Entry:
        """Looks for the job of an entry that broke off while it was created; sends nothing. A list may lag behind, so
        that a later look, before anything is sent again or given up, may find it yet.
        """
        with self.ledger.sending(entry.tag):
            entry = self.ledger.get(entry.tag)
            if entry.creating_at is None or entry.state not in ("creating", "uploading"):
                return entry
            found = self.found(entry)
            if found is None:
                return self.ledger.change(entry.tag, state="uploading", problem=_not_there(entry))
            return self._sent(entry, found)

    # --- files ------------------------------------------------------------------------------------

    def _files(self, entry: Entry, order: Order) -> Entry:
        """Once they are ready, as ids in the ledger."""
        data, again = order.data, entry.state == "uploading"
        entry = self.ledger.change(entry.tag, state="uploading", problem=None)
        for column, path in (("training_file", data.train), ("validation_file", data.validation)):
            if path is None or getattr(entry, column):
                continue
            file = outgoing(path, self.connection.place, name=data.name)
            identifier = self._known(file.sha256)
            with self.connection.asking(f"the file {file.filename}"):
                if identifier is None and again:
                    identifier = there_already(self.connection.client, file)
                if identifier is None:
                    identifier = upload(
                        self.connection.client, file, self.connection.place, part_bytes=self.part_bytes
                    )
            self.ledger.keep_file(entry.place, entry.account, file.sha256, identifier)
            entry = self.ledger.change(entry.tag, **{column: identifier})
            with self.connection.asking(f"the file {file.filename}"):
                wait_until_processed(self.connection.client, identifier, self.connection.place, self.sleep)
        return entry

    def _known(self, sha256: str) -> str | None:
        """A file that was sent for an earlier job, where the place still has it."""
        place = self.connection.place
        identifier = self.ledger.file(place.name, self.connection.account, sha256)
        if identifier is None:
            return None
        try:
            with self.connection.asking(f"the file {identifier}"):
                found = plain(self.connection.client.files.retrieve(identifier))
        except TuningNotFoundError:
            return None
        return None if found.get("status") in ("error", "deleted") else identifier

    # --- the job ----------------------------------------------------------------------------------

    def _create(self, entry: Entry, order: Order) -> Entry:
        body = job_body(order, self.connection.place, tag=entry.tag, tag_key=TAG_KEY)
        body |= {"training_file": entry.training_file}
        body |= {"validation_file": entry.validation_file} if entry.validation_file else {}
        if self.connection.place.name == "local" and entry.accepted:
            body["x_groundtune"] = {**body.get("x_groundtune", {}), "accepted": True}
        entry = self.ledger.change(entry.tag, state="creating", creating_at=self.ledger.clock())
        for attempt in range(ATTEMPTS):
            try:
                return self._sent(entry, self._post(entry, body))
            except Exception as error:  # noqa: BLE001 - every kind is told apart below
                found = self._after(error, entry, attempt)
                if found is not None:
                    return self._sent(entry, found)
        raise self._given_up(entry)

    def _post(self, entry: Entry, body: Mapping[str, Any]) -> Mapping[str, Any]:
        import openai

        rest = {name: value for name, value in body.items() if name not in ("model", "training_file")}
        job = self.connection.client.with_options(max_retries=0).fine_tuning.jobs.create(
            model=body["model"],
            training_file=body["training_file"],
            extra_body=rest,
            extra_headers={"Idempotency-Key": entry.tag},
        )
        found = plain(job)
        if not isinstance(found.get("id"), str) or not found["id"]:
            raise openai.OpenAIError("the answer names no job")
        return found

    def _after(self, error: Exception, entry: Entry, attempt: int) -> Mapping[str, Any] | None:
        """What a failed request for a job leads to: an error, the job after all, or another try (None)."""
        import openai

        if not isinstance(error, (openai.OpenAIError, ValueError, TypeError, AttributeError)):
            raise error
        status = getattr(error, "status_code", None)
        not_ready = status == 400 and _NOT_READY.search(said_by(error)) is not None
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409):
            wait = 5.0 if not_ready else retry_wait_s(error, attempt)
            if wait is None or (status == 429 and code_of(error) in QUOTA_CODES) or attempt + 1 == ATTEMPTS:
                raise self._refused(error, entry) from error
            self.sleep(wait)
            return None
        return self._looked_for(entry, error)

    def _looked_for(self, entry: Entry, error: Exception) -> Mapping[str, Any] | None:
        """After an answer that was lost. Where the place cannot be asked either, nobody knows: the entry says so."""
        try:
            for wait in LOOK_AFTER_S:
                self.sleep(wait)
                if (found := self.found(entry)) is not None:
                    return found
        except GroundtuneError as unknown:
            self.ledger.change(entry.tag, problem=_unknown(entry, self.connection))
            raise TuningError(_unknown(entry, self.connection)) from unknown
        if getattr(error, "status_code", None) == 409:
            raise self._refused(error, entry) from error
        return None

    def _given_up(self, entry: Entry) -> TuningError:
        sentence = (
            f"{self.connection.place.title} failed {ATTEMPTS} times to take the job, and has none of it: try "
            f"`python -m app finetune resume {entry.tag}` later; the files are there already."
        )
        self.ledger.change(entry.tag, state="uploading", problem=sentence)
        return TuningError(sentence)

    def _refused(self, error: Exception, entry: Entry) -> GroundtuneError:
        made = place_error(error, self.connection.place, what="the job", endpoint=self.connection.endpoint)
        if code_of(error) == CLOSED:
            names = [name for name in places() if name not in ("local", entry.place)]
            others = f", or with --place {', '.join(names[:-1])} or {names[-1]}"
            made = closed_error(
                self.connection.place, tag=entry.tag, file_id=entry.training_file, others=others
            )
        self.ledger.change(entry.tag, state="refused", problem=str(made))
        return made

    def _sent(self, entry: Entry, job: Mapping[str, Any]) -> Entry:
        return self.ledger.link(entry.tag, job)

    # --- finding it again -------------------------------------------------------------------------

    def found(self, entry: Entry) -> Mapping[str, Any] | None:
        """The entry's job at the place: by its tag, and where jobs come back without metadata by its file.

        Asks with the filter first, then reads the list from the newest back to the time its file arrived.
        """
        from openai import omit

        list_jobs = self.connection.client.fine_tuning.jobs.list
        claimed = self.ledger.claimed(entry.place, entry.account)
        with self.connection.asking("the list of jobs"):
            for page in pages(
                lambda after: list_jobs(metadata={TAG_KEY: entry.tag}, limit=20, after=after or omit)
            ):
                if (job := _tagged(page, entry)) is not None:
                    return job
                break  # the filter is not known there: the whole list follows
        earliest, unmarked = self._file_made_at(entry), list[Mapping[str, Any]]()
        with self.connection.asking("the list of jobs"):
            for page in pages(lambda after: list_jobs(limit=100, after=after or omit)):
                if (job := _tagged(page, entry)) is not None:
                    return job
                unmarked += [job for job in page if _unmarked(job, entry, claimed)]
                if all(_made_at(job) < earliest for job in page):
                    break
        return max(unmarked, key=_made_at) if unmarked else None

    def _file_made_at(self, entry: Entry) -> float:
        """By the place's own clock: no job is older than the file it is trained on. 0 where that is not known."""
        if entry.training_file is None:
            return 0.0
        try:
            with self.connection.asking(f"the file {entry.training_file}"):
                made = plain(self.connection.client.files.retrieve(entry.training_file)).get("created_at")
        except TuningNotFoundError:
            return 0.0
        return float(made) if isinstance(made, (int, float)) else 0.0


def _tagged(page: list[dict[str, Any]], entry: Entry) -> Mapping[str, Any] | None:
    return next((job for job in page if (job.get("metadata") or {}).get(TAG_KEY) == entry.tag), None)


def _unmarked(job: Mapping[str, Any], entry: Entry, claimed: frozenset[str]) -> bool:
    """A job of this file and this model that no other order has, at a place that keeps no metadata."""
    return (
        not job.get("metadata")
        and _same_model(job.get("model"), entry.model)
        and entry.training_file is not None
        and job.get("training_file") == entry.training_file
        and job.get("id") not in claimed
    )


def _same_model(reported: object, ordered: str) -> bool:
    """Places report "gpt-4.1-mini-2025-04-14" for "gpt-4.1-mini", and "OWNER/NAME" for "NAME"; some report none."""
    if not isinstance(reported, str) or not reported:
        return True
    one, other = (name.rstrip("/").rpartition("/")[2].lower() for name in (reported, ordered))
    return other in (one, _DATE.sub("", one)) or one == _DATE.sub("", other)


def _made_at(job: Mapping[str, Any]) -> float:
    made = job.get("created_at")
    return float(made) if isinstance(made, (int, float)) else float("inf")


def _unknown(entry: Entry, connection: Connection) -> str:
    return (
        f"{connection.place.title} did not answer, and whether it has the job is not known yet: "
        f"`python -m app finetune resume {entry.tag}` looks for it before it sends anything again."
    )


def _not_there(entry: Entry) -> str:
    return f"It was not created: `python -m app finetune resume {entry.tag}` sends it."
