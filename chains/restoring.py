"""An Answer as JSON that loses nothing, and back: what the records keep and an exported receipt holds.

The form follows the dataclasses field by field, so a field added to the vocabulary is kept without a change here.
Read tolerantly: fields of a newer version are passed over, missing ones take their default or are empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from chains.answer import Answer
from errors import RecordFormatError

__all__ = ["answer_from_dict", "record", "restored"]

T = TypeVar("T")
_EMPTY: Mapping[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, NoneType: None, Any: None}


def record(value: Any) -> Any:
    """Plain dicts, lists, text, numbers: what `json.dumps` takes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: record(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): record(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [record(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def answer_from_dict(data: object) -> Answer:
    """`answer_from_dict(json.loads(json.dumps(answer.as_record()))) == answer`.

    Raises RecordFormatError, naming the field, where the data is not of this form.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("text"), str) or "mode" not in data:
        raise RecordFormatError("This is no answer as Groundtune exports it: export its receipt again.")
    return restored(Answer, data)


def restored(kind: type[T], data: object) -> T:
    """One dataclass of the vocabulary, with all that it holds, from its `record`."""
    return cast(T, _restored(kind, data, kind.__name__))


def _restored(kind: Any, data: object, place: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in (Union, UnionType):
        return _one_of(inner, data, place)
    if origin is tuple:
        return _tuple(inner, data, place)
    if origin is Mapping:
        return {key: _restored(inner[1], one, f"{place}.{key}") for key, one in _mapping(data, place).items()}
    if is_dataclass(kind):
        return _dataclass(cast(type, kind), _mapping(data, place), place)
    return _plain(str if origin is Literal else kind, data, place)


def _dataclass(kind: type, data: Mapping[str, Any], place: str) -> Any:
    hints = _hints(kind)
    given = {
        one.name: _restored(hints[one.name], data[one.name], f"{place}.{one.name}")
        for one in fields(cast(Any, kind))
        if one.name in data
    }
    lacking = {
        one.name: _empty(hints[one.name])
        for one in fields(cast(Any, kind))
        if one.name not in data and one.default is MISSING and one.default_factory is MISSING
    }
    return kind(**given, **lacking)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _empty(kind: Any) -> Any:
    """What stands for a field that an older version did not write."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner[0]
    if origin in (Union, UnionType):
        return None if NoneType in inner else _empty(inner[0])
    if origin is tuple:
        return ()
    if is_dataclass(kind):
        return _dataclass(cast(type, kind), {}, "")
    return _EMPTY.get(kind, {})


def _one_of(kinds: Sequence[Any], data: object, place: str) -> Any:
    """Of "X or None", X; of several plain ones the value as it is, where it is one of them."""
    if data is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        return _restored(others[0], data, place)
    if isinstance(data, tuple(others)):
        return data
    raise _wrong(place)


def _tuple(inner: Sequence[Any], data: object, place: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise _wrong(place)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_restored(inner[0], one, f"{place}[{at}]") for at, one in enumerate(data))
    if len(data) != len(inner):
        raise _wrong(place)
    return tuple(
        _restored(kind, one, f"{place}[{at}]") for at, (kind, one) in enumerate(zip(inner, data, strict=True))
    )


def _mapping(data: object, place: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise _wrong(place)
    return data


def _plain(kind: type, data: object, place: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is not bool and isinstance(data, bool)):
        raise _wrong(place)
    return data


def _wrong(place: str) -> RecordFormatError:
    return RecordFormatError(f"{place} of the exported answer is not what it should be: export it again.")
