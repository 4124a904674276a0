"""Judging a summary by Great Expectations; the only module that imports it, when first used.

Great Expectations knows no polars, takes seconds to import, and drops an expectation that it
does not know with no more than a log line. So it sees a small pandas copy of the summary, in
a context that lives in memory only, and the expectations it took are counted.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from mmbind.errors import ConfigError, nearest
from mmbind.validation.judgement import Finding, Verdict
from mmbind.validation.suites import Expectation, Suite
from mmbind.validation.summary import rounded

#: How many of the worst files a verdict names.
WORST = 5
_ROW = "row"


def judge(summary: pl.DataFrame, suite: Suite) -> list[Verdict]:
    """Judges a summary by a suite.

    Args:
        summary: a table with the columns of ``suite.table``.
        suite: the rules.

    Returns:
        One verdict per rule, in the suite's order.

    Raises:
        ConfigError: when Great Expectations does not know an expectation, or cannot judge it.
    """
    table = summary.with_row_index(_ROW)
    frame = table.to_pandas()
    verdicts: dict[str, Verdict] = {}
    with _quiet():
        for rule in suite.rules:
            _check_known(rule, suite)
        tables = _batch_definition()
        for condition, rules in _by_condition(suite).items():
            rows = _rows(frame, condition, rules[0], suite)
            results = _validate(tables, rows, rules, suite)
            for rule in rules:
                verdicts[rule.meta.rule] = _verdict(
                    rule, results[rule.meta.rule], table, _range(rows, rule, suite), suite
                )
    return [verdicts[rule.meta.rule] for rule in suite.rules]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Great Expectations' deprecations and log lines to itself."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _by_condition(suite: Suite) -> dict[str, list[Expectation]]:
    """The rules that judge the same rows, by their row condition."""
    groups: dict[str, list[Expectation]] = {}
    for rule in suite.rules:
        groups.setdefault(rule.kwargs.get("row_condition", ""), []).append(rule)
    return groups


def _rows(frame: Any, condition: str, rule: Expectation, suite: Suite) -> Any:
    """The rows of a condition, chosen once: Great Expectations would do it several times per rule."""
    try:
        return frame.query(condition) if condition else frame
    except Exception as error:
        raise _wrong(rule, suite, f"has a row_condition that cannot be used: {error}") from None


def _batch_definition() -> Any:
    """Where Great Expectations takes pandas tables from, in a context that leaves nothing behind."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("polars").add_dataframe_asset("summary")
    return asset.add_batch_definition_whole_dataframe("all")


def _validate(tables: Any, rows: Any, rules: Sequence[Expectation], suite: Suite) -> dict[str, Any]:
    """Great Expectations' result of every rule, by name."""
    from great_expectations import ExpectationSuite

    expectations = ExpectationSuite(name="rules", expectations=[_for_all_rows(rule) for rule in rules])
    taken = {expectation.meta["rule"] for expectation in expectations.expectations}
    for rule in rules:
        if rule.meta.rule not in taken:
            raise _wrong(rule, suite, "was dropped by Great Expectations")
    result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]}
    outcome = tables.get_batch({"dataframe": rows}).validate(expectations, result_format=result_format)
    return {result.expectation_config.meta["rule"]: result for result in outcome.results}


def _for_all_rows(rule: Expectation) -> dict[str, Any]:
    """The expectation for rows that its condition has chosen."""
    kwargs = {name: value for name, value in rule.kwargs.items() if name not in ("row_condition", "condition_parser")}
    return {**rule.model_dump(), "kwargs": kwargs}


def _wrong(rule: Expectation, suite: Suite, what: str, hint: str = "") -> ConfigError:
    name = rule.meta.rule
    return ConfigError(f"the rule {name!r} {what.rstrip('.')}.", path=suite.places[name], key=name, hint=hint)


def _check_known(rule: Expectation, suite: Suite) -> None:
    """Refuses what Great Expectations would drop or fail on, in words for people."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    known, column = list_registered_expectation_implementations(), rule.kwargs.get("column")
    if rule.type not in known:
        raise _wrong(
            rule, suite, f"has the unknown type {rule.type!r}", nearest(rule.type, known).partition(" Known:")[0]
        )
    if column is not None and column not in suite.table.columns:
        raise _wrong(rule, suite, f"judges the unknown column {column!r}", nearest(column, suite.table.columns))
    try:
        ExpectationConfiguration(**rule.model_dump()).to_domain_obj()
    except Exception as error:
        raise _wrong(rule, suite, f"is no expectation: {' '.join(str(error).split())}") from None


def _range(rows: Any, rule: Expectation, suite: Suite) -> tuple[float, float] | None:
    """Least and greatest number that a rule on a column judges."""
    column = rule.kwargs.get("column")
    if column is None or suite.table.columns[column] == pl.String:
        return None
    values = rows[column].dropna()
    return (rounded(float(values.min())), rounded(float(values.max()))) if len(values) else None


def _verdict(
    rule: Expectation, result: Any, table: pl.DataFrame, judged: tuple[float, float] | None, suite: Suite
) -> Verdict:
    """Reads one result; one without an outcome is an error, which Great Expectations takes for a failure."""
    meta, column = rule.meta, str(rule.kwargs.get("column", ""))
    outcome: Mapping[str, Any] = result.result
    if not outcome:
        errors = [info["exception_message"] for info in result.exception_info.values() if isinstance(info, Mapping)]
        raise _wrong(rule, suite, f"cannot be judged: {' '.join(str(error) for error in errors[:1])}")
    failing = table[[int(entry[_ROW]) for entry in outcome.get("unexpected_index_list") or []]]
    if column:
        failing = failing.sort(_excess(column, rule.kwargs), "modality", "file", descending=[True, False, False])
    broken = None if result.success or failing.is_empty() else _finding(failing.row(0, named=True), column)
    return Verdict(
        rule=meta.rule,
        severity=meta.severity,
        passed=bool(result.success),
        column=column,
        limit=_limit(rule),
        unit=failing["unit"][0] if broken is not None and column in suite.table.in_unit else "",
        judged=int(outcome.get("element_count", table.height)) - int(outcome.get("missing_count") or 0),
        failed=failing.height,
        observed=judged if column else rounded(outcome.get("observed_value")),
        broken=broken,
        worst=[] if broken is None else _worst_files(failing, table, column, rule.kwargs),
        why=meta.why,
        next=meta.next,
    )


def _limit(rule: Expectation) -> str:
    """The allowed values in words."""
    kwargs = rule.kwargs
    least, most = kwargs.get("min_value"), kwargs.get("max_value")
    mostly = kwargs.get("mostly")
    if least is not None and most is not None:
        words = f"{least} to {most}" if least != most else f"{least}"
    elif most is not None:
        words = f"at most {most}"
    elif least is not None:
        words = f"at least {least}"
    else:
        general = ("column", "row_condition", "condition_parser", "mostly")
        words = ", ".join(f"{name} {value}" for name, value in sorted(kwargs.items()) if name not in general)
        words = words or rule.type.removeprefix("expect_").replace("_", " ")
    return words if mostly is None else f"{words} in {mostly:.0%} of the rows"


def _excess(column: str, kwargs: Mapping[str, Any]) -> pl.Expr:
    """How far a value lies outside its limits."""
    least, most = kwargs.get("min_value"), kwargs.get("max_value")
    value, zero = pl.col(column).cast(pl.Float64, strict=False), pl.repeat(0.0, pl.len())
    below = zero if least is None else least - value
    above = zero if most is None else value - most
    return pl.max_horizontal(below, above)


def _finding(row: Mapping[str, Any], column: str) -> Finding:
    return Finding(row["file"], row["modality"], rounded(row[column]))


def _worst_files(
    failing: pl.DataFrame, table: pl.DataFrame, column: str, kwargs: Mapping[str, Any]
) -> Sequence[Finding]:
    """The worst failing files; where a modality or the source fails as a whole, its worst files."""
    files = table.filter(pl.col("scope") == "file", pl.col(column).is_not_null())
    named = failing["modality"].unique().to_list()
    if (failing["scope"] == "file").all():
        files = failing
    elif "" not in named:
        files = files.filter(pl.col("modality").is_in(named))
    files = files.sort(_excess(column, kwargs), "modality", "file", descending=[True, False, False])
    return [_finding(row, column) for row in files.head(WORST).iter_rows(named=True)]
