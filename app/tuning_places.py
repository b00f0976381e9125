"""Fine-tuning of a workspace at every place: settings -> the official client of each, and one door to all of them.

    work = fine_tuning(workspace)
    work.start(work.order(frozen, place="local", model="responder"))

"local" is this workspace's own API, in this process: no port, no key, the same wire.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from app.settings import Setting, Settings
from app.training import frozen_data
from app.tuning import tuning_folder
from app.workspace import Workspace
from errors import SettingsError

if TYPE_CHECKING:
    import openai

    from finetune.catalogue import Catalogue
    from finetune.providers.connection import Connection
    from finetune.providers.fine_tuning import FineTuning
    from finetune.providers.places import Place

__all__ = ["fine_tuning"]

_made: WeakKeyDictionary[Workspace, FineTuning] = WeakKeyDictionary()
_making = threading.Lock()


def fine_tuning(workspace: Workspace) -> FineTuning:
    """The workspace's, built at the first call. Thread-safe."""
    with _making:
        if workspace not in _made:
            _made[workspace] = _built(workspace)
        return _made[workspace]


def _built(workspace: Workspace) -> FineTuning:
    from finetune.catalogue import load_catalogue
    from finetune.providers.fine_tuning import FineTuning
    from finetune.providers.ledger import Ledger

    def wake() -> None:
        from app.api.waiting import go_on

        go_on(workspace)

    def catalogue() -> Catalogue:
        return load_catalogue(workspace.settings.home.value)

    return FineTuning(
        ledger=Ledger(tuning_folder(workspace)),
        connect=_Connecting(workspace).connect,
        frozen=frozen_data(workspace),
        catalogue=catalogue,
        wake=wake,
    )


class _Connecting:
    """The clients, each built at its first use and again where its settings changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], Connection] = {}

    def connect(self, name: str) -> Connection:
        """Raises TuningRequestError for no place, SettingsError naming what to set."""
        from finetune.providers.places import place_named

        place = place_named(name)
        if place.name == "local":
            url, key = str(tuning_folder(self._workspace)), ""
        else:
            url, key = _address(place, self._workspace.settings), _key(place, self._workspace.settings)
        with self._lock:
            at = (name, url, key)
            if at not in self._known:
                self._known[at] = self._connected(place, url, key)
            return self._known[at]

    def _connected(self, place: Place, url: str, key: str) -> Connection:
        from chains.model_ids import shown_url
        from finetune.providers.connection import Connection, account_of

        if place.name == "local":
            from app.api.in_process import local_client

            client = local_client(self._workspace)
        else:
            client = _client(url, key, self._workspace.settings)
        shown = "this machine" if place.name == "local" else shown_url(url)
        return Connection(place=place, client=client, endpoint=shown, account=account_of(url, key))


def _client(url: str, key: str, settings: Settings) -> openai.OpenAI:
    import openai

    from chains.connection import http_client, only_what_is_set, timeouts
    from chains.models import KEYLESS

    client = openai.OpenAI(
        base_url=url,
        api_key=key or KEYLESS,
        http_client=http_client(url),
        timeout=timeouts(settings.timeout_s.value),
    )
    return only_what_is_set(client, url)


def _address(place: Place, settings: Settings) -> str:
    """Raises SettingsError."""
    from chains.connection import azure_resource, azure_v1_url
    from chains.model_ids import checked_url, is_compatible

    if place.name == "openai":
        own = settings.openai_base_url
        if own.value and is_compatible(own.value):
            raise SettingsError(
                f"OpenAI is not connected: {own.name} names another server, to which {settings.openai_api_key.name} "
                f"belongs. To train at that server set {settings.tuning_url.name} and use --place other."
            )
        return checked_url(own.value, setting=own.name) if own.value else str(place.url)
    if place.url_setting is None:
        return str(place.url)
    named = _setting(settings, place.url_setting)
    if not named.value:
        raise SettingsError(f"{place.title} is not connected: set {named.name} in .env or the environment.")
    url = checked_url(named.value, setting=named.name)
    return (azure_v1_url(url) or azure_resource(url) + "/openai/v1") if place.name == "azure" else url


def _key(place: Place, settings: Settings) -> str:
    """Raises SettingsError."""
    if place.key_setting is None:
        return ""
    named = _setting(settings, place.key_setting)
    if not named.value and not place.keyless:
        raise SettingsError(f"{place.title} is not connected: set {named.name} in .env or the environment.")
    return named.value or ""


def _setting(settings: Settings, name: str) -> Setting[Any]:
    return next(one for one in settings.all() if one.name == name)
