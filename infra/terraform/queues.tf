# Three queues, and that of environments.tf. Who may send is named, by role or by rule: the Deny statements hold for whoever else in the account has a
# wide policy. A service has no role's ARN [IAM-SERVICE-CALLER]. SQS moves dead letters by itself and asks no policy for it;
# who moves them back is named too [SQS-REDRIVE-BACK].

locals {
  # Six times the timeout of the scaler, so that no message is handled twice while it is handled.
  visibility_timeout_seconds = 6 * local.functions.scaler.timeout_seconds
  message_retention_seconds  = 4 * 24 * 3600
  longest_retention_seconds  = 14 * 24 * 3600
  max_receive_count          = 5

  # Of the functions that are deployed.
  role_arns = { for name, function in module.functions : name => function.role_arn }

  senders = {
    jobs = concat(
      [for name in ["webhook", "redelivery"] : local.role_arns[name] if contains(keys(local.role_arns), name)],
      var.redrive_role_arns,
    )
    events = concat(
      [for name in ["scaler", "registrar", "reaper"] : local.role_arns[name]],
      [aws_iam_role.schedules.arn],
      var.redrive_role_arns,
    )
    environments = concat(
      [for name in ["webhook", "environments"] : local.role_arns[name] if contains(keys(local.role_arns), name)],
      [aws_iam_role.schedules.arn],
      var.redrive_role_arns,
    )
    # Of messages that they could not read; those that failed come by themselves.
    dead_letters = [for name in ["scaler", "environments"] : local.role_arns[name] if contains(keys(local.role_arns), name)]
  }
}

resource "aws_sqs_queue" "jobs" {
  name = "${local.deployment}-jobs"

  visibility_timeout_seconds = local.visibility_timeout_seconds
  message_retention_seconds  = local.message_retention_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receive_count
  })

  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  tags = var.tags
}

resource "aws_sqs_queue" "events" {
  name = "${local.deployment}-events"

  visibility_timeout_seconds = local.visibility_timeout_seconds
  message_retention_seconds  = local.message_retention_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receive_count
  })

  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  tags = var.tags
}

resource "aws_sqs_queue" "dead_letters" {
  name = "${local.deployment}-dead-letters"

  message_retention_seconds = local.longest_retention_seconds

  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  tags = var.tags
}

# Apart from the queue, which the others name already.
resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = concat([aws_sqs_queue.jobs.arn, aws_sqs_queue.events.arn], aws_sqs_queue.environments[*].arn)
  })
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.jobs.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # No service sends here, so a caller without a role's ARN is refused too.
        Sid       = "OnlyTheseSend"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.jobs.arn
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.senders.jobs } }
      },
    ]
  })
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.events.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyTheseSend"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.events.arn
        Condition = {
          ArnNotEquals = { "aws:PrincipalArn" = local.senders.events }
          # EventBridge's rules send as a service, which has no principal's ARN.
          Bool = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "RulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.events.arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.home : rule.arn] } }
      },
    ]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyTheseSend"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = {
          ArnNotEquals = { "aws:PrincipalArn" = local.senders.dead_letters }
          Bool         = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
    ]
  })
}
