"""What a statement is made of, as DuckDB's own parser sees it, and whether all of it may run.

The lists say what may occur; anything else is refused. Functions that lengthen text or make lists are not on them:
a few nested calls would fill the memory.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

__all__ = ["ROW", "Reading", "SqlRefusedError", "read_syntax", "rows_behind"]

ROW = "__row"  # of every table: the number of the sheet's row


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


AGGREGATES = _words(
    "count count_star sum avg mean min max median mode stddev stddev_samp stddev_pop variance var_samp var_pop"
    " quantile_cont quantile_disc arg_min arg_max argmin argmax min_by max_by first last any_value bool_and bool_or"
    " count_if countif sum_no_overflow fsum product corr string_agg group_concat listagg"
    " approx_count_distinct"
)
FUNCTIONS = AGGREGATES | _words(
    "+ - * / // % ** ^ pow power sqrt abs sign ceil ceiling floor round trunc ln log log10 exp greatest least mod"
    " lower upper lcase ucase trim ltrim rtrim btrim length len strlen substr substring left right contains"
    " starts_with ends_with prefix suffix strpos position instr split_part ~~ !~~ ~~* !~~* like_escape"
    " ilike_escape not_like_escape regexp_matches regexp_full_match regexp_extract"
    " year month day quarter week dayofweek isodow dayofyear hour minute date_part datepart date_trunc datetrunc"
    " date_diff datediff date_sub datesub date_add monthname dayname strftime last_day make_date to_days to_months"
    " to_years to_weeks to_hours age current_date today coalesce nullif ifnull if isnan isfinite"
    " row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value"
)
EXPRESSIONS = _words(
    "COLUMN_REF CONSTANT FUNCTION COMPARISON CONJUNCTION OPERATOR CASE CAST WINDOW BETWEEN STAR SUBQUERY"
    " POSITIONAL_REFERENCE COLLATE TYPE"
)
OTHERS = _words(
    "SELECT_NODE SET_OPERATION_NODE BASE_TABLE JOIN SUBQUERY EMPTY EXPRESSION_LIST ORDER_MODIFIER LIMIT_MODIFIER"
    " DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING"
)
TYPES = _words(
    "tinyint smallint integer int bigint hugeint float real double decimal numeric varchar text string boolean bool"
    " date timestamp datetime time interval"
)


class SqlRefusedError(Exception):
    """The statement is not one that may run, or DuckDB could not run it; the text says why, for whoever wrote it.

    people: the same for the people who asked, without the database's own words; "" where the text will do.
    """

    def __init__(self, text: str, *, people: str = "") -> None:
        super().__init__(text)
        self.people = people


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A statement that may run."""

    tables: tuple[str, ...]  # of the documents, in the order they stand in
    columns: frozenset[str]  # names in lower case, as far as they are named; "*" for all
    tree: Mapping[str, Any]


def read_syntax(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[str]) -> Reading:
    """Raises SqlRefusedError, and duckdb.Error where it cannot be parsed."""
    import duckdb

    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise SqlRefusedError("Exactly one SELECT statement is allowed.")
    told = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(told[0]) if told else {"error": True}
    if tree.get("error") or len(tree["statements"]) != 1:
        raise SqlRefusedError("Only a plain SELECT is allowed.")
    nodes = list(_nodes(tree))
    own = {name.lower(): name for name in tables}
    ctes = {str(entry["key"]).lower() for node in nodes for entry in _ctes(node)}
    for node in nodes:
        _check(node, own.keys() | ctes)
    named = [str(node["table_name"]).lower() for node in nodes if node.get("type") == "BASE_TABLE"]
    found = tuple(dict.fromkeys(own[name] for name in named if name in own and name not in ctes))
    if not found:
        raise SqlRefusedError("The statement reads none of the tables.")
    return Reading(tables=found, columns=frozenset(_columns(nodes)), tree=tree)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _ctes(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (node.get("cte_map") or {}).get("map") or []


def _check(node: Mapping[str, Any], tables: Collection[str]) -> None:
    kind, group = node.get("type"), node.get("class")
    if group is not None and group not in EXPRESSIONS:
        raise SqlRefusedError(f"{group} is not allowed.")
    if group is None and kind is not None and kind not in OTHERS:
        raise SqlRefusedError(f"{kind} is not allowed.")
    if node.get("sample") is not None or node.get("at_clause") is not None:
        raise SqlRefusedError("Samples and versions of a table are not allowed.")
    if group in ("FUNCTION", "WINDOW") and str(node.get("function_name")).lower() not in FUNCTIONS:
        raise SqlRefusedError(f"The function {str(node.get('function_name'))[:40]} is not allowed.")
    if group == "TYPE" and str(node.get("type_name")).lower() not in TYPES:
        raise SqlRefusedError(f"The type {str(node.get('type_name'))[:40]} is not allowed.")
    if group is None and kind == "BASE_TABLE":
        _check_table(node, tables)


def _check_table(node: Mapping[str, Any], tables: Collection[str]) -> None:
    name = str(node.get("table_name"))
    if node.get("schema_name") or node.get("catalog_name") or name.lower() not in tables:
        raise SqlRefusedError(f"There is no table {name[:80]!r}.")


def _columns(nodes: Collection[Mapping[str, Any]]) -> Iterator[str]:
    for node in nodes:
        if node.get("class") == "COLUMN_REF":
            yield str(node["column_names"][-1]).lower()
        elif node.get("class") == "STAR":
            yield "*"


def rows_behind(connection: duckdb.DuckDBPyConnection, reading: Reading) -> str | None:
    """A statement whose last column gives the sheet's rows that the result is made from.

    None where that cannot be told from the statement: several tables, subqueries, sets, DISTINCT.
    """
    tree = copy.deepcopy(dict(reading.tree))
    node = tree["statements"][0]["node"]
    if (
        node.get("type") != "SELECT_NODE"
        or _ctes(node)
        or (node.get("from_table") or {}).get("type") != "BASE_TABLE"
    ):
        return None
    inside = list(_nodes(node))
    if any(
        each.get("class") in ("SUBQUERY", "WINDOW") or each.get("type") == "DISTINCT_MODIFIER"
        for each in inside
    ):
        return None
    row = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [ROW]}
    if _aggregates(node):
        if node.get("having") is not None:
            return None
        node |= {"select_list": [row], "group_expressions": [], "group_sets": [], "modifiers": []}
        node["aggregate_handling"] = "STANDARD_HANDLING"
    else:
        node["select_list"] = [*node["select_list"], row]
    told = connection.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    return str(told[0]) if told else None


def _aggregates(node: Mapping[str, Any]) -> bool:
    called = {str(each.get("function_name")).lower() for each in _nodes(node["select_list"])}
    return bool(node.get("group_expressions") or called & AGGREGATES)
