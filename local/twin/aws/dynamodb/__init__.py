"""Amazon DynamoDB: tables with one key, conditional writes, queries and transactions, in memory."""

from local.twin.aws.dynamodb.service import DynamoDb
from local.twin.aws.dynamodb.usage import Usage

__all__ = ["DynamoDb", "Usage"]
