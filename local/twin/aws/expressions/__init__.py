"""DynamoDB's expressions, compiled once to closures and cached [DDB-EXPRESSIONS]."""

from local.twin.aws.expressions.conditions import Condition, compile_condition
from local.twin.aws.expressions.key_conditions import KeyCondition, compile_key_condition
from local.twin.aws.expressions.projections import Projection, compile_projection
from local.twin.aws.expressions.tokens import Names, Values, frozen_names
from local.twin.aws.expressions.updates import Update, compile_update

__all__ = [
    "Condition",
    "KeyCondition",
    "Names",
    "Projection",
    "Update",
    "Values",
    "compile_condition",
    "compile_key_condition",
    "compile_projection",
    "compile_update",
    "frozen_names",
]
