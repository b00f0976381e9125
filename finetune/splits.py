"""Training, validation and test rows that share nothing: whole groups go to one split, by a seed, and stay there.

    with Splitter(SplitRecipe(seed=7), earlier=assignments_of_last_time) as splitter:
        for row in rows: splitter.take(row)
        plan = splitter.plan()      # plan.split_of(number), plan.counts, plan.notes, plan.assignments

Rows belong together when they agree in a group (metadata.group, document, user or ticket, or a path that is given),
in a document that the answers of RAFT rows rest on, in their whole content, in their question, or nearly in either
(finetune/near_duplicates.py), and through one another.
Which groups go where follows from the seed and the rows' content alone: their order, and the process, do not matter.
Rows that were split before keep their place, whatever comes to them; a new row that would tie two splits together is
withheld and named. Bounds of the validation split: finetune_peers, at least 16 rows, at most 1,000, none under 32 rows.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from errors import DatasetError, SettingsError
from finetune.examples import Row
from finetune.near_duplicates import THRESHOLD, NearDuplicates
from finetune.row_texts import canonical, question_of
from finetune.validation.fingerprints import NONE, digest, documents_of, prompt_digest, said

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

__all__ = ["GROUPS", "SPLITS", "SPLITTER", "Split", "SplitPlan", "SplitRecipe", "Splitter", "value_at"]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
GROUPS = ("metadata.group", "metadata.document", "metadata.user", "metadata.ticket")
_DOCUMENT = "metadata.document"
SPLITTER = "groups-2"  # changes with anything that would send rows elsewhere
SMALLEST = 32  # rows; fewer are all needed for training
_WITHHELD = len(SPLITS)  # the code of a row in no split


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecipe:
    """How to split. Raises SettingsError for shares that cannot be."""

    seed: int = 7
    validation: float = 0.1  # share of the rows
    test: float = 0.0
    least_validation: int = 16  # rows
    most_validation: int = 1_000
    groups: tuple[str, ...] = GROUPS  # paths in the row, such as metadata.ticket
    near: bool = True  # near duplicates belong together too

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test > 0.9:
            raise SettingsError(
                "The shares of validation and test are 0 to 0.9 together: the rest is for training."
            )
        if not 0 <= self.least_validation <= self.most_validation:
            raise SettingsError("The least number of validation rows cannot be above the most.")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"splitter": SPLITTER, "near_threshold": THRESHOLD if self.near else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Where each row goes, by its number in the order it was taken."""

    recipe: SplitRecipe
    counts: Mapping[Split, int]
    groups: Mapping[Split, int]  # sets of rows that belong together
    withheld: tuple[int, ...]  # numbers of the rows that would tie splits together
    notes: tuple[str, ...]  # sentences for the user
    assignments: Mapping[
        bytes, str
    ]  # 8-byte key of a row, question or group -> split, for `earlier` of the next time
    codes: Sequence[int]

    def split_of(self, number: int) -> Split | None:
        """None: withheld."""
        code = self.codes[number]
        return SPLITS[code] if code < _WITHHELD else None


class Splitter:
    """Takes rows one after another; about 80 bytes of memory a row, texts lie in the temporary folder."""

    def __init__(
        self, recipe: SplitRecipe | None = None, *, earlier: Mapping[bytes, str] | None = None
    ) -> None:
        self.recipe = recipe or SplitRecipe()
        self._earlier = earlier or {}
        self._rows = array("Q")  # digests of the whole rows
        self._prompts = array("Q")
        self._said, self._questions = NearDuplicates(), NearDuplicates()
        self._groups = [array("Q") for _ in self.recipe.groups]
        self._documents = array("Q")  # that RAFT rows rest on, each with its row's number
        self._resting = array("Q")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._said.close()
        self._questions.close()

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, row: Row) -> None:
        self._rows.append(digest(canonical(row)))
        self._prompts.append(prompt_digest(row))
        if self.recipe.near:
            self._said.add(said(row))
            self._questions.add(question_of(row))
        for path, digests in zip(self.recipe.groups, self._groups, strict=True):
            value = value_at(row, path)
            digests.append(NONE if value is None else digest(f"{path}\0{value}"))
        if _DOCUMENT in self.recipe.groups:
            for document in documents_of(row):
                self._documents.append(digest(f"{_DOCUMENT}\0{document}"))
                self._resting.append(len(self) - 1)

    def plan(self) -> SplitPlan:
        """Raises DatasetError where there are no rows, or a path that was asked for is in none."""
        if not len(self):
            raise DatasetError("There is no row to split.")
        self._check_paths()
        roots = self._together()
        codes, notes = _Allocation(self.recipe, roots, self._rows, self._known()).codes()
        return SplitPlan(
            recipe=self.recipe,
            counts={split: int((codes == code).sum()) for code, split in enumerate(SPLITS)},
            groups={split: len(set(roots[codes == code].tolist())) for code, split in enumerate(SPLITS)},
            withheld=tuple((codes == _WITHHELD).nonzero()[0].tolist()),
            notes=tuple(notes),
            assignments=self._assignments(codes),
            codes=array("B", codes.astype("uint8").tobytes()),
        )

    def _check_paths(self) -> None:
        for path, digests in zip(self.recipe.groups, self._groups, strict=True):
            if path not in GROUPS and not any(digests):
                raise DatasetError(
                    f"No row has a value at {path!r}: name a field of the rows, such as metadata.group."
                )

    def _together(self) -> Numbers:
        """(n,) the least number of a row that each row belongs together with."""
        import numpy as np
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count, pairs = len(self), [_equal(digests) for digests in (self._rows, self._prompts, *self._groups)]
        pairs.append(self._of_documents())
        if self.recipe.near:
            for matches in (self._said.matches(), self._questions.matches()):
                found = array("q", (number for match in matches for number in (match.like, match.text)))
                pairs.append(np.array(found, np.int64).reshape(-1, 2))
        ends = np.concatenate(pairs)
        graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(count, count))
        labels = connected_components(graph, directed=False)[1]
        roots: Numbers = np.unique(labels, return_index=True)[1][labels].astype(np.int64)
        return roots

    def _of_documents(self) -> Numbers:
        """(n, 2) rows that rest on one document, whichever of theirs it is."""
        import numpy as np

        if not self._documents:
            return np.empty((0, 2), np.int64)
        own = self._groups[self.recipe.groups.index(_DOCUMENT)]
        rows = np.array([*range(len(own)), *self._resting], np.int64)
        return rows[_equal(own + self._documents)]

    def _keys(self) -> Iterator[Iterable[tuple[int, int]]]:
        """(row, digest) of what rows agree in, their own content first."""
        yield enumerate(self._rows)
        yield enumerate(self._prompts)
        yield from map(enumerate, self._groups)
        yield zip(self._resting, self._documents, strict=True)

    def _known(self) -> dict[int, tuple[int, bool]]:
        """Row number -> (code, whether by its own content) of those that an earlier split knows."""
        found: dict[int, tuple[int, bool]] = {}
        if not self._earlier:
            return found
        for position, keys in enumerate(self._keys()):
            for number, value in keys:
                split = self._earlier.get(value.to_bytes(8)) if value != NONE else None
                if split in SPLITS and number not in found:
                    found[number] = (SPLITS.index(split), position == 0)
        return found

    def _assignments(self, codes: Numbers) -> dict[bytes, str]:
        """Of these rows, and of the earlier ones that are not here: they may come back."""
        kept = dict(self._earlier)
        given = codes.tolist()
        for keys in self._keys():
            for number, value in keys:
                if value != NONE and given[number] != _WITHHELD:
                    kept.setdefault(value.to_bytes(8), SPLITS[given[number]])
        return kept


class _Allocation:
    """Groups to splits: what was there stays, the rest in the seed's order until each split has its rows."""

    def __init__(
        self,
        recipe: SplitRecipe,
        roots: Numbers,
        rows: array[int],
        known: Mapping[int, tuple[int, bool]],
    ) -> None:
        import numpy as np

        self._recipe = recipe
        self._roots = roots
        self._codes = np.full(len(roots), -1, np.int64)
        self._notes: list[str] = []
        self._sizes = Counter(roots.tolist())
        self._known = known
        self._given: dict[int, int] = {}  # group -> code
        self._order = self._seeded(rows)

    def codes(self) -> tuple[Numbers, list[str]]:
        self._keep_known()
        for split, target in self._targets():
            self._fill(SPLITS.index(split), target)
        for number in (self._codes == -1).nonzero()[0].tolist():
            self._codes[number] = self._given.get(int(self._roots[number]), 0)
        self._describe()
        return self._codes, self._notes

    def _seeded(self, rows: array[int]) -> list[int]:
        """The groups in an order that only the seed and their contents decide: by their least row's digest."""
        least: dict[int, int] = {}
        for root, content in zip(self._roots.tolist(), rows, strict=True):
            least[root] = min(content, least.get(root, content))
        seed = self._recipe.seed
        return sorted(least, key=lambda root: (digest(f"{seed}\0{least[root]}"), least[root]))

    def _keep_known(self) -> None:
        """Rows of an earlier split stay; new ones join their group's split, unless it has several."""
        splits: dict[int, set[int]] = {}
        for number, (code, _) in self._known.items():
            splits.setdefault(int(self._roots[number]), set()).add(code)
        for number, root in enumerate(self._roots.tolist()):
            if root not in splits:
                continue
            if len(splits[root]) == 1:
                self._codes[number] = min(splits[root])
            else:
                code, certain = self._known.get(number, (_WITHHELD, False))
                self._codes[number] = code if certain else _WITHHELD

    def _targets(self) -> Iterator[tuple[Split, int]]:
        """Rows that each split is to have."""
        import numpy as np

        count, recipe = int(np.sum(self._codes != _WITHHELD)), self._recipe
        yield "test", round(recipe.test * count)
        if count < SMALLEST and recipe.validation:
            self._notes.append(
                f"{count} rows are too few to set some aside ({SMALLEST} are needed): there is no validation, so "
                "training cannot stop early or choose its best checkpoint."
            )
        elif recipe.validation:
            wanted = max(round(recipe.validation * count), recipe.least_validation)
            yield "validation", min(wanted, recipe.most_validation)

    def _fill(self, code: int, target: int) -> None:
        """Groups that fit, in order; where that leaves it half empty, the smallest of the others, if not too large."""
        missing = target - int((self._codes == code).sum())
        free = [root for root in self._order if self._codes[root] == -1 and root not in self._given]
        for root in free:
            if self._sizes[root] <= missing:
                self._given[root] = code
                missing -= self._sizes[root]
        left = [root for root in free if root not in self._given]
        if missing * 2 > target > 0 and len(left) > 1:
            smallest = min(left, key=lambda root: self._sizes[root])
            if self._sizes[smallest] * 4 <= len(self._roots):
                self._given[smallest] = code

    def _describe(self) -> None:
        largest, count = max(self._sizes.values()), len(self._codes)
        if largest * 2 > count >= SMALLEST:
            self._notes.append(
                f"{largest} of {count} rows belong together through a group, a question or near duplicates: they "
                "cannot be divided. Give finer groups, or remove duplicates first."
            )
        withheld = int((self._codes == _WITHHELD).sum())
        if withheld:
            self._notes.append(
                f"{withheld} new rows belong together with rows of two splits and would tie them: they are withheld. "
                "Split afresh to use them."
            )
        validation = int((self._codes == SPLITS.index("validation")).sum())
        if self._recipe.validation and count >= SMALLEST and not validation:
            self._notes.append("No group of rows is small enough for validation: there is none.")


def value_at(row: Row, path: str) -> str | None:
    """The text or number at a path such as metadata.ticket, $.metadata.raft.document or messages[0].name."""
    value: Any = row
    for step in path.removeprefix("$.").replace("[", ".").replace("]", "").split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def _equal(digests: array[int]) -> Numbers:
    """(n, 2) rows with the row before them of the same digest."""
    import numpy as np

    values = np.frombuffer(digests, np.uint64)
    order = np.argsort(values, kind="stable")
    same = (values[order][1:] == values[order][:-1]) & (values[order][1:] != NONE)
    return np.stack((order[:-1][same], order[1:][same]), axis=1).astype(np.int64)
