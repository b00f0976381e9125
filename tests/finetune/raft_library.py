"""A small rental company's documents, for tests of RAFT: one fact each, a copy, an old edition and fillers."""

from __future__ import annotations

from pathlib import Path

from finetune.raft import Library
from loaders.knowledge_base import KnowledgeBase
from loaders.sources import Record

DOCUMENTS = {
    "deposit": "The deposit for a small unit is 250 euros. It is paid back within ten working days.",
    "deposit-copy": "The deposit for a small unit is 250 euros. It is paid back within ten working days.",
    "keys": "A lost key costs 40 euros. The new key comes with the driver.",
    "key-fees": "Whoever loses the key of a unit pays 40 euros for the new one.",
    "hours": "The desk is open from 07:00 to 19:00. At night Field Service answers at +49 341 555 0140.",
    "towing": "The trailer may be towed empty at up to 80 km/h. Food inside is not permitted on the road.",
    "cleaning": "Wipe the floor every day. Use a cleaner with a pH between 5 and 9.",
    "transport": "Transport within 50 km costs 95 euros for each journey. Saturdays are 25 per cent more.",
    "warranty": "The warranty on a new unit is 24 months, or 36 with yearly maintenance.",
    "invoice": "The invoice comes within three working days of the return, as a PDF by mail.",
    "alarm": "The alarm waits 20 minutes before it sounds, so that loading does not set it off.",
    "visits": "Visitors see the factory on Tuesdays and Thursdays at 14:00 after a call to the desk.",
    "noise": "The unit makes 44 dB(A) at five metres. Turn the grille away from the neighbours.",
    "stickers": "Stickers are allowed as long as they come off without a trace.",
    "fish": "After fish, a litre of water with vinegar on the floor overnight works wonders.",
    "panels": "Panels are foamed in Gdynia and sawn to size by two crews.",
}


def small_library(folder: Path, encoder: object) -> tuple[KnowledgeBase, Library]:
    """One chunk a document."""
    base = KnowledgeBase.create(folder / "kb", name="Rental", encoder=encoder)  # type: ignore[arg-type]
    base.ingest([Record(id=name, text=text) for name, text in DOCUMENTS.items()])
    return base, Library(base)
