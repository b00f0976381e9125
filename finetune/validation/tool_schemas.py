"""JSON Schemas of tools by jsonschema, with nothing fetched and no regular expression of the file's author run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from finetune.validation.faults import shown

_LONGEST = 100  # characters of a message


def _anything(*_: Any) -> Iterator[ValidationError]:
    """`pattern` is not checked: a pattern of the file's author may take for ever on a text of his."""
    yield from ()


_Validator: Any = extend(Draft202012Validator, {"pattern": _anything, "patternProperties": _anything})
_NOTHING_FETCHED: Registry[Any] = Registry()


class Schema:
    """The schema of one function's arguments."""

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def errors(self, arguments: Any) -> Iterator[tuple[str, str]]:
        """(JSON path, message) of each misfit; a $ref that leads nowhere is one."""
        try:
            for error in self._validator.iter_errors(arguments):
                yield error.json_path, error.message[:_LONGEST]
        except Unresolvable as error:
            yield "$", f"the schema refers to {shown(getattr(error, 'ref', ''))}, which is not in it"
        except RecursionError:
            yield "$", "the schema refers to itself without end"


def compile_schema(schema: Any) -> Schema | str:
    """A checker, or one sentence on what is wrong with the schema."""
    if not isinstance(schema, dict):
        return f"The parameters are no JSON Schema but {shown(schema)}."
    if schema and schema.get("type", "object") != "object":
        return f"The parameters are of type {shown(schema['type'])}: a function takes an object."
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"The parameters are no valid JSON Schema at {error.json_path}: {error.message[:_LONGEST]}."
    except RecursionError:
        return "The parameters are no valid JSON Schema: it nests too deeply."
    if "patternProperties" in str(schema):  # `additionalProperties` would run its patterns
        return Schema(Draft202012Validator({}))
    return Schema(_Validator(schema, registry=_NOTHING_FETCHED))
