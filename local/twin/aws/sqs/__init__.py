"""Amazon SQS: standard queues."""

from local.twin.aws.sqs.service import Sqs

__all__ = ["Sqs"]
