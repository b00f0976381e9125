"""JSON Schemas of tools by jsonschema, with nothing fetched and no regular expression of the file's author run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from finetune.validation.faults import shown

_LONGEST = 100  # characters of a message
_MOST_FOLLOWED = 20_000  # references for the arguments of one call


def _anything(*_: Any) -> Iterator[ValidationError]:
    """`pattern` is not checked: a pattern of the file's author may take for ever on a text of his."""
    yield from ()


def _unique(validator: Any, wanted: Any, items: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    """jsonschema compares each item with each other one: 2,000 objects took seconds."""
    if (
        wanted
        and isinstance(items, list)
        and len({json.dumps(one, sort_keys=True) for one in items}) < len(items)
    ):
        yield ValidationError(f"{shown(items)} has non-unique elements")


_NOTHING_FETCHED: Registry[Any] = Registry()


class _TooOftenError(Exception):
    """A schema whose references lead to two others each, and those again: 30 of them make a billion steps."""


class Schema:
    """The schema of one function's arguments."""

    def __init__(self, schema: dict[str, Any], draft: Any = Draft202012Validator) -> None:
        self._reference: Any = draft.VALIDATORS["$ref"]
        own = {
            "pattern": _anything,
            "patternProperties": _anything,
            "uniqueItems": _unique,
            "$ref": self._follow,
        }
        self._validator: Any = extend(draft, own)(schema, registry=_NOTHING_FETCHED)
        self._followed = 0

    def _follow(self, *given: Any) -> Iterator[ValidationError]:
        self._followed += 1
        if self._followed > _MOST_FOLLOWED:
            raise _TooOftenError
        yield from self._reference(*given) or ()

    def errors(self, arguments: Any) -> Iterator[tuple[str, str]]:
        """(JSON path, message) of each misfit; a $ref that leads nowhere is one."""
        self._followed = 0
        try:
            for error in self._validator.iter_errors(arguments):
                yield error.json_path, error.message[:_LONGEST]
        except Unresolvable as error:
            yield "$", f"the schema refers to {shown(getattr(error, 'ref', ''))}, which is not in it"
        except RecursionError:
            yield "$", "the schema refers to itself without end"
        except _TooOftenError:
            yield "$", f"the schema follows more than {_MOST_FOLLOWED:,} references for them"
        except (
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
        ):  # a $ref to what is no schema, an $id that is no URL
            yield "$", "the schema refers to what is no schema, or by an address that is none"


def compile_schema(schema: Any) -> Schema | str:
    """A checker, or one sentence on what is wrong with the schema."""
    if not isinstance(schema, dict):
        return f"The parameters are no JSON Schema but {shown(schema)}."
    kinds = schema.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        return f"The parameters are of type {shown(schema['type'])}: a function takes an object."
    named = schema.get("$schema")
    draft: Any = validator_for(schema if isinstance(named, str) else {}, default=Draft202012Validator)
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        return f"The parameters are no valid JSON Schema at {error.json_path}: {error.message[:_LONGEST]}."
    except RecursionError:
        return "The parameters are no valid JSON Schema: it nests too deeply."
    if "patternProperties" in str(schema):  # `additionalProperties` would run its patterns
        return Schema({})
    return Schema(schema, draft)
