"""Named errors and warnings of the two-level SEM library, each with a remedy in its message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TwoLevelError(Exception):
    """Base of all errors of this library."""


class ModelSyntaxError(TwoLevelError):
    """The model text cannot be read; the message names line, text and what is allowed."""


class ModelError(TwoLevelError):
    """The model text can be read but describes no estimable two-level model."""


class UnsupportedError(ModelError):
    """Something that this library does not do; the message says what comes nearest to it."""


class UnsupportedSyntaxError(ModelSyntaxError, UnsupportedError):
    """A statement of lavaan's that this library does not know; the message says what comes nearest to it."""


class UnknownVariableError(TwoLevelError):
    """A variable of the model is not a column of the data."""


class UnknownParameterError(TwoLevelError):
    """A label or parameter name does not exist in the model."""


class ExpressionError(TwoLevelError):
    """An expression of labels has no value at the estimates."""


class DataProblemError(TwoLevelError):
    """Base of errors about the values in the data."""


class NonNumericError(DataProblemError):
    """A variable of the model is not numeric."""


class NonFiniteError(DataProblemError):
    """A variable holds infinite values, or the cluster column holds missing ones."""


class DuplicateColumnError(DataProblemError):
    """Several columns have the name of a variable or of the clusters."""


class MissingValuesError(DataProblemError):
    """No complete row is left, or a variable is missing throughout."""


class OneClusterError(DataProblemError):
    """Fewer than two clusters: nothing is between."""


class NoReplicationError(DataProblemError):
    """Too few clients share a cluster to tell the two levels apart."""


class ConstantVariableError(DataProblemError):
    """A variable does not vary at a level at which the model says it does."""


class BetweenVariableVariesError(DataProblemError):
    """A variable named at level 2 only takes several values within a cluster."""


class CollinearVariablesError(DataProblemError):
    """Variables are an exact linear combination of each other at a level."""


class ScaleError(DataProblemError):
    """A variable's unit is so small or so large that sums of squares leave the numbers a computer has."""


class NotNestedError(TwoLevelError):
    """Two fits cannot be compared by a likelihood ratio."""


class TwoLevelWarning(UserWarning):
    """Base of all warnings of this library."""


class BetweenUnderdeterminedWarning(TwoLevelWarning):
    """More between-level parameters than clusters: the between part is hardly determined."""


class NoMaximumWarning(TwoLevelWarning):
    """The likelihood has no regular maximum that could be reached; numbers are not estimates."""


def nearest(name: object, allowed: Iterable[object]) -> str:
    """Return `; did you mean 'x'?` where an allowed name is near, else nothing."""
    found = difflib.get_close_matches(str(name), [str(a) for a in allowed], 1)
    return f"; did you mean {found[0]!r}?" if found else ""
