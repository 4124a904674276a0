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
from mmbind.validation.summary import IN_UNIT, SUMMARY, rounded

#: How many of the worst files a verdict names.
WORST = 5
_ROW = "row"


def judge(summary: pl.DataFrame, suite: Suite) -> list[Verdict]:
    """Judges a summary by a suite.

    Args:
        summary: a table with the columns of ``SUMMARY``.
        suite: the rules.

    Returns:
        One verdict per rule, in the suite's order.

    Raises:
        ConfigError: when Great Expectations does not know an expectation, or cannot judge it.
    """
    table = summary.with_row_index(_ROW)
    frame = table.to_pandas()
    with _quiet():
        results = _validate(frame, suite)
    for rule in suite.rules:
        _check_judged(rule, results[rule.meta.rule], suite)
    return [_verdict(rule, results[rule.meta.rule], table, _range(frame, rule)) for rule in suite.rules]


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


def _validate(frame: Any, suite: Suite) -> dict[str, Any]:
    """Great Expectations' result of every rule, by name."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    for rule in suite.rules:
        _check_known(rule, suite)
    expectations = gx.ExpectationSuite(name="rules", expectations=[rule.model_dump() for rule in suite.rules])
    if len(expectations.expectations) != len(suite.rules):
        taken = {expectation.meta["rule"] for expectation in expectations.expectations}
        lost = sorted(rule.meta.rule for rule in suite.rules if rule.meta.rule not in taken)
        raise ConfigError(f"Great Expectations dropped the rules {', '.join(lost)}.", path=suite.files[-1])
    asset = context.data_sources.add_pandas("polars").add_dataframe_asset("summary")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]}
    outcome = batch.validate(expectations, result_format=result_format)
    return {result.expectation_config.meta["rule"]: result for result in outcome.results}


def _check_known(rule: Expectation, suite: Suite) -> None:
    """Refuses what Great Expectations would drop or fail on, in words for people."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    name, known = rule.meta.rule, list_registered_expectation_implementations()
    if rule.type not in known:
        close = nearest(rule.type, known).partition(" Known:")[0]
        message = f"the rule {name!r} has the unknown type {rule.type!r}."
        raise ConfigError(message, path=suite.files[-1], key=name, hint=close)
    column = rule.kwargs.get("column")
    if column is not None and column not in SUMMARY:
        message = f"the rule {name!r} judges the unknown column {column!r}."
        raise ConfigError(message, path=suite.files[-1], key=name, hint=nearest(column, SUMMARY))
    try:
        ExpectationConfiguration(**rule.model_dump()).to_domain_obj()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"the rule {name!r} is no expectation: {reason}.", path=suite.files[-1], key=name) from None


def _range(frame: Any, rule: Expectation) -> tuple[float, float] | None:
    """Least and greatest number that a rule on a column judged."""
    condition, column = rule.kwargs.get("row_condition"), rule.kwargs.get("column")
    if column is None or SUMMARY[column] == pl.String:
        return None
    values = (frame.query(condition) if condition else frame)[column].dropna()
    return (rounded(float(values.min())), rounded(float(values.max()))) if len(values) else None


def _check_judged(rule: Expectation, result: Any, suite: Suite) -> None:
    """Refuses a result without an outcome, which Great Expectations counts as a failure."""
    if result.result:
        return
    info = result.exception_info
    errors = [info] if "exception_message" in info else list(info.values())
    reason = next((str(error["exception_message"]) for error in errors), "no result")
    name = rule.meta.rule
    raise ConfigError(f"the rule {name!r} cannot be judged: {reason}.", path=suite.files[-1], key=name)


def _verdict(rule: Expectation, result: Any, table: pl.DataFrame, judged: tuple[float, float] | None) -> Verdict:
    """Reads one result."""
    meta, column = rule.meta, str(rule.kwargs.get("column", ""))
    outcome: Mapping[str, Any] = result.result
    failing = table[[int(entry[_ROW]) for entry in outcome.get("unexpected_index_list") or []]]
    if column:
        failing = failing.sort(_excess(column, rule.kwargs), "modality", "file", descending=[True, False, False])
    broken = None if result.success or failing.is_empty() else _finding(failing.row(0, named=True), column)
    return Verdict(
        rule=meta.rule,
        severity=meta.severity,
        passed=bool(result.success),
        column=column,
        limit=_limit(rule.kwargs),
        unit=failing["unit"][0] if broken is not None and column in IN_UNIT else "",
        judged=int(outcome.get("element_count", table.height)) - int(outcome.get("missing_count") or 0),
        failed=failing.height,
        observed=judged if column else rounded(outcome.get("observed_value")),
        broken=broken,
        worst=[] if broken is None else _worst_files(failing, table, column, rule.kwargs),
        why=meta.why,
        next=meta.next,
    )


def _limit(kwargs: Mapping[str, Any]) -> str:
    """The allowed values in words."""
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
    return words if mostly is None else f"{words} in {mostly:.0%} of the rows"


def _excess(column: str, kwargs: Mapping[str, Any]) -> pl.Expr:
    """How far a value lies outside its limits."""
    least, most = kwargs.get("min_value"), kwargs.get("max_value")
    value = pl.col(column).cast(pl.Float64, strict=False)
    below = least - value if least is not None else pl.lit(0.0)
    above = value - most if most is not None else pl.lit(0.0)
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
