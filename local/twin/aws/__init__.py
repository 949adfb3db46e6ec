"""AWS as the project meets it: ECS, EC2, EventBridge, SQS, DynamoDB and Secrets Manager."""
