"""Fine-tuning wherever it takes place, through one door: the command line and the page use this, and nothing below it.

work = FineTuning(ledger=..., connect=..., frozen=..., catalogue=...)
job = work.start(order)                       # written down, sent once
for update in work.watch(job.id): ...
work.pause(job.id); work.resume(job.id); work.cancel(job.id)
work.jobs(); work.job(id); work.events(id); work.checkpoints(id); work.results(id)
work.again(job.id, place="local", model="responder")      # the same data and recipe, elsewhere: an Order
work.radar(today=...)
"""

from __future__ import annotations

import base64
import binascii
import datetime
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from errors import (
    GroundtuneError,
    ProviderError,
    SettingsError,
    TuningError,
    TuningNotFoundError,
    TuningRequestError,
    TuningStateError,
)
from finetune.catalogue import Catalogue
from finetune.freezing import Frozen, FrozenStore
from finetune.providers.connection import Connect, Connection
from finetune.providers.ledger import UNFINISHED, Ledger
from finetune.providers.orders import (
    ENDED,
    Entry,
    JobView,
    Order,
    Recipe,
    SeenCheckpoint,
    SeenEvent,
)
from finetune.providers.places import PLACES, Place, place_named
from finetune.providers.radar import Expiry, radar
from finetune.providers.recipes import carried_over, check_recipe, check_rows, training_data
from finetune.providers.sending import Sender
from finetune.providers.watching import Update, Watcher, watch
from finetune.providers.wire import pages, plain, view

DEFAULT_MODEL = "responder"
FRESH_S = 3.0  # a look that young is not repeated by a list
_RETRYABLE = frozenset(UNFINISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStatus:
    place: Place
    connected: bool
    reason: str | None  # what to set, where it is not connected


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    ledger: Ledger
    connect: Connect
    frozen: FrozenStore
    catalogue: Callable[[], Catalogue]
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    wake: Callable[[], None] = lambda: None  # sees to it that jobs of this machine are being worked on

    # --- places -----------------------------------------------------------------------------------

    def places(self) -> list[PlaceStatus]:
        """All of them; nothing is asked of any."""
        return [self._status(place_named(name)) for name in PLACES]

    def _status(self, place: Place) -> PlaceStatus:
        try:
            self.connect(place.name)
        except GroundtuneError as error:
            return PlaceStatus(place=place, connected=False, reason=str(error))
        return PlaceStatus(place=place, connected=True, reason=None)

    # --- starting ---------------------------------------------------------------------------------

    def order(self, frozen: Frozen, *, place: str, model: str, recipe: Recipe | None = None) -> Order:
        """Raises TuningRequestError for what the place does not take, before anything is written or sent."""
        checked = place_named(place)
        made = Order(place=checked.name, model=model, data=training_data(frozen), recipe=recipe or Recipe())
        check_recipe(made.recipe, checked)
        check_rows(frozen, made.recipe.method)
        return made

    def start(self, order: Order, *, accepted: bool = False) -> JobView:
        """Writes the order down, sends it, and gives the job. What broke off before is taken up, not sent twice.

        `accepted`: its cost was, so that a local job does not wait for it.
        """
        connection = self.connect(order.place)
        check_recipe(order.recipe, connection.place)
        entry = self.ledger.write(order, account=connection.account, accepted=accepted)
        if accepted and not entry.accepted:
            entry = self.ledger.change(entry.tag, accepted=True)
        return self._view(self._sender(connection).send(entry, order))

    def running_alike(self, order: Order) -> JobView | None:
        """A job of the same data, model and recipe that has not ended: to be asked about before it is paid again."""
        for entry in self.ledger.all():
            same = (entry.place, entry.model, entry.dataset) == (order.place, order.model, order.data.hash)
            if same and entry.recipe == order.recipe and entry.state == "sent":
                seen = self._view(entry)
                if not seen.ended:
                    return seen
        return None

    def again(
        self, name: str, *, place: str = "local", model: str | None = None
    ) -> tuple[Order, tuple[str, ...]]:
        """(the same data and recipe for another place, what could not be taken along). Starts nothing.

        Raises TuningNotFoundError where the job's dataset is not known here or was removed.
        """
        entry = self.ledger.named(name)
        if entry is None or not entry.dataset:
            raise TuningNotFoundError(
                f"No frozen dataset of {name!r} is known on this machine: `python -m app finetune start` names one."
            )
        frozen = self.frozen.verify(entry.dataset)
        target = place_named(place)
        recipe, left = carried_over(entry.recipe, place_named(entry.place), target)
        chosen = model or (
            entry.model if target.name == entry.place else DEFAULT_MODEL if target.free else None
        )
        if chosen is None:
            raise TuningRequestError(f"Name a model of {target.title} with --model.", param="model")
        return self.order(frozen, place=target.name, model=chosen, recipe=recipe), left

    # --- looking ----------------------------------------------------------------------------------

    def jobs(self, *, refresh: bool = False, limit: int = 100) -> list[JobView]:
        """The newest first: the ledger's, and this machine's. `refresh` asks the other places too, if they answer."""
        entries = self.ledger.all()
        if refresh:
            entries = [self._looked(entry) for entry in entries]
        known = {entry.remote_id for entry in entries if entry.remote_id}
        here = self._local_jobs(limit)
        seen = [self._view(entry, here.get(entry.remote_id or "")) for entry in entries]
        seen += [view(None, job, place="local") for name, job in here.items() if name not in known]
        return sorted(seen, key=lambda job: -(job.created_at or 0.0))[:limit]

    def _local_jobs(self, limit: int) -> dict[str, dict[str, Any]]:
        from openai import omit

        connection = self.connect("local")
        found: dict[str, dict[str, Any]] = {}
        with connection.asking("the list of jobs"):
            for page in pages(
                lambda after: connection.client.fine_tuning.jobs.list(limit=100, after=after or omit)
            ):
                found |= {job["id"]: job for job in page}
                if len(found) >= limit:
                    break
        return found

    def _looked(self, entry: Entry) -> Entry:
        """As the place says now; as it was where that cannot be asked."""
        if entry.state not in ("sent", "creating") or entry.job.get("status") in ENDED:
            return entry
        try:
            if entry.state == "creating":
                return self._sender(self._connection(entry)).recover(entry)
            return Watcher(ledger=self.ledger, connection=self._connection(entry)).look(entry)
        except (ProviderError, SettingsError, TuningError) as error:
            return replace(entry, problem=str(error))

    def job(self, name: str, *, place: str | None = None) -> JobView:
        """By its id or tag, or the beginning of one; as its place says now where it can be asked.

        `place`: where a job is that the ledger does not know. Raises TuningNotFoundError.
        """
        entry = self._entry(name, place)
        young = entry.checked_at is not None and self.ledger.clock() - entry.checked_at < FRESH_S
        return self._view(entry if young and entry.place != "local" else self._looked(entry))

    def events(self, name: str, *, after: int = 0, limit: int = 1_000_000) -> list[SeenEvent]:
        """Those past a sequence number, oldest first, gap-free; fetched first where the place can be asked."""
        entry = self._looked(self._entry(name, None))
        return self.ledger.events(entry.tag, after=after, limit=limit)

    def watch(self, name: str, *, after: int = 0, place: str | None = None) -> Iterator[Update]:
        """Each look that brought something, until the job has ended or waits for a person."""
        entry = self._entry(name, place)
        connection = self._connection(entry)
        if entry.state == "creating":
            entry = self._sender(connection).recover(entry)
        if entry.state in _RETRYABLE:
            raise TuningStateError(
                f"{entry.tag} was not sent yet: `python -m app finetune resume {entry.tag}` sends it."
            )
        watcher = Watcher(ledger=self.ledger, connection=connection)
        sleep = self._waking if entry.place == "local" else self.sleep
        return watch(watcher, entry, after=after, sleep=sleep, chance=self.chance)

    def _waking(self, seconds: float) -> None:
        """A sleep. Where nothing happened for so long that looks are far apart, the queue's worker may have died."""
        self.sleep(seconds)
        if seconds >= place_named("local").seconds[1] * 0.8:
            self.wake()

    def checkpoints(self, name: str) -> list[SeenCheckpoint]:
        """The newest first."""
        entry = self._sent(name)
        return Watcher(ledger=self.ledger, connection=self._connection(entry)).checkpoints(entry.id)

    def results(self, name: str) -> bytes:
        """The CSV of the run's figures. Raises TuningStateError where there is none yet."""
        entry = self._looked(self._sent(name))
        seen, connection = self._view(entry), self._connection(entry)
        if not seen.result_files:
            raise TuningStateError(f"{seen.id} has no results file yet: it is {seen.status}.")
        with connection.asking(f"the file {seen.result_files[0]}"):
            return _csv(connection.client.files.content(seen.result_files[0]).read())

    # --- asking -----------------------------------------------------------------------------------

    def pause(self, name: str, *, place: str | None = None) -> JobView:
        return self._ask(name, "pause", place)

    def cancel(self, name: str, *, place: str | None = None) -> JobView:
        """What was trained so far is billed where training is."""
        entry = self._entry(name, place)
        if entry.state in _RETRYABLE and (entry := self._given_up(entry)).state == "refused":
            return self._view(entry)
        return self._ask(name, "cancel", place)

    def _given_up(self, entry: Entry) -> Entry:
        """Where its job is not at the place. Raises TuningBusyError while somebody is sending it."""
        if entry.creating_at is not None:
            entry = self._sender(self._connection(entry)).recover(entry)
        with self.ledger.sending(entry.tag):
            entry = self.ledger.get(entry.tag)
            if entry.state not in ("written", "uploading"):
                return entry
            return self.ledger.change(
                entry.tag, state="refused", problem="It was given up before it was sent."
            )

    def resume(self, name: str, *, place: str | None = None) -> JobView:
        """A paused job goes on, one that waits for approval is accepted, and an order that broke off is sent."""
        entry = self._entry(name, place)
        if entry.state in _RETRYABLE:
            connection = self._connection(entry)
            order = Order(
                place=entry.place,
                model=entry.model,
                data=training_data(self.frozen.verify(entry.dataset)),
                recipe=entry.recipe,
                estimate=entry.estimate,
            )
            return self._view(self._sender(connection).send(entry, order))
        return self._ask(name, "resume", place)

    def _ask(self, name: str, what: Literal["pause", "resume", "cancel"], place: str | None) -> JobView:
        entry = self._entry(name, place)
        if entry.state == "creating":
            entry = self._sender(self._connection(entry)).recover(entry)
        if entry.state != "sent":
            raise TuningStateError(f"{entry.id} cannot {what}: {entry.problem or 'it is not at its place'}.")
        connection = self._connection(entry)
        ask = getattr(connection.client.fine_tuning.jobs, what)
        with connection.asking(f"the job {entry.id}"):
            job = plain(ask(entry.id))
        return self._view(self.ledger.change(entry.tag, job=job, checked_at=self.ledger.clock(), misses=0))

    def forget(self, name: str) -> None:
        """Takes an ended job out of the ledger; at its place it stays. Raises TuningStateError for one that runs."""
        entry = self._entry(name, None)
        if not self._view(entry).ended and entry.state not in ("written", "uploading"):
            raise TuningStateError(f"{entry.id} has not ended: cancel it first.")
        self.ledger.remove(entry.tag)

    # --- models -----------------------------------------------------------------------------------

    def models(self, place: str) -> list[dict[str, Any]]:
        """What the place lists: id, owned_by, created, and its shutdown_date where it says one."""
        connection = self.connect(place)
        with connection.asking("the list of models"):
            return [plain(one) for one in connection.client.models.list()]

    def delete_model(self, model: str, *, place: str) -> None:
        """A tuned model, for good. Raises TuningRequestError for another's, TuningNotFoundError."""
        if not model.startswith("ft:") and model not in {
            entry.job.get("fine_tuned_model") for entry in self.ledger.all()
        }:
            raise TuningRequestError(
                f"{model!r} is no tuned model: only those can be deleted.", param="model"
            )
        connection = self.connect(place)
        with connection.asking(f"the model {model}"):
            connection.client.models.delete(model)

    def radar(self, *, today: datetime.date, live: bool = False, in_use: Iterable[str] = ()) -> list[Expiry]:
        """The soonest first. `live` asks the connected places for the dates that their own lists give."""
        served = {name: self._dates(name) for name in ("openai", "azure", "nebius", "crusoe")} if live else {}
        return radar(self.ledger.all(), self.catalogue(), today=today, served=served, in_use=in_use)

    def _dates(self, place: str) -> dict[str, datetime.date]:
        try:
            return {
                str(one["id"]): day for one in self.models(place) if (day := _day(one.get("shutdown_date")))
            }
        except GroundtuneError:  # not connected, or it does not answer: the catalogue's days stand
            return {}

    # --- within -----------------------------------------------------------------------------------

    def _entry(self, name: str, place: str | None) -> Entry:
        entry = self.ledger.named(name)
        if entry is not None and (place is None or entry.place == place):
            return entry
        return self._adopted(name, place or "local")

    def _adopted(self, name: str, place: str) -> Entry:
        """A job that was made by other means, into the ledger, so that its events are kept."""
        connection = self.connect(place)
        with connection.asking(f"the job {name}"):
            job = plain(connection.client.fine_tuning.jobs.retrieve(name))
        method = view(None, job, place=place).method
        return self.ledger.adopt(job, place=place, account=connection.account, method=method)

    def _sent(self, name: str) -> Entry:
        entry = self._entry(name, None)
        if entry.remote_id is None:
            raise TuningStateError(
                f"{entry.tag} was never sent: {entry.problem or 'nothing is known of it'}."
            )
        return entry

    def _connection(self, entry: Entry) -> Connection:
        """Raises SettingsError where an order that broke off was begun with another address or key."""
        connection = self.connect(entry.place)
        if entry.account != connection.account and entry.state in _RETRYABLE:
            raise SettingsError(
                f"{entry.tag} was begun with another address or key of {connection.place.title}: set those again."
            )
        return connection

    def _sender(self, connection: Connection) -> Sender:
        return Sender(ledger=self.ledger, connection=connection, sleep=self.sleep)

    def _view(self, entry: Entry, job: Mapping[str, Any] | None = None) -> JobView:
        return view(entry, job or entry.job, place=entry.place)


def _csv(data: bytes) -> bytes:
    """As text: some places send the file in base64."""
    if data[:4] == b"step":
        return data
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data
    return decoded if decoded[:4] == b"step" else data


def _day(value: Any) -> datetime.date | None:
    """A date in ISO form, or seconds since 1970."""
    try:
        if isinstance(value, str):
            return datetime.date.fromisoformat(value[:10])
        if isinstance(value, (int, float)):
            return datetime.datetime.fromtimestamp(value, datetime.UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None
