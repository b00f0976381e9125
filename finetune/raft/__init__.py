"""RAFT (arXiv 2403.10131): questions become rows that teach a model to read an oracle among distractors.

    for made in build(read_asked(path), Library(knowledge_base), encoder, Recipe()): ...   -> Example or Refused

Each row is what hybrid mode sends and what it understands as a reply: its prompt, its wrapper of passages, the
knowledge base's own chunks, quotes before one cited answer (chains/reasoned_reply.py).
"""

from finetune.raft.asked import Asked, read_asked
from finetune.raft.building import Built, build
from finetune.raft.passages import Library
from finetune.raft.recipe import Recipe

__all__ = ["Asked", "Built", "Library", "Recipe", "build", "read_asked"]
