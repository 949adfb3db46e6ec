# Environments of pull requests, where slipway.yaml has the section: the queue of their function with what wakes it, and the
# cluster that they run in. The function itself is one of functions.tf.

locals {
  # None, or one under the name `this`.
  environments_of_pulls = { for name in ["this"] : name => local.rendered.environments if can(local.rendered.environments) }
  has_environments      = length(local.environments_of_pulls) > 0
}

resource "aws_sqs_queue" "environments" {
  count = local.has_environments ? 1 : 0

  name = "${local.deployment}-environments"

  visibility_timeout_seconds = 6 * local.functions.environments.timeout_seconds
  message_retention_seconds  = local.message_retention_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receive_count
  })

  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  tags = var.tags
}

resource "aws_sqs_queue_policy" "environments" {
  count = local.has_environments ? 1 : 0

  queue_url = aws_sqs_queue.environments[0].url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.environments[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyTheseSend"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.environments[0].arn
        Condition = {
          ArnNotEquals = { "aws:PrincipalArn" = local.senders.environments }
          # EventBridge's rules send as a service, which has no principal's ARN.
          Bool = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "RulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.environments[0].arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.environments : rule.arn] } }
      },
    ]
  })
}

# One works at a time, and the other leaves its wish and goes: more would only wait.
resource "aws_lambda_event_source_mapping" "environments" {
  count = local.has_environments ? 1 : 0

  function_name    = module.functions["environments"].arn
  event_source_arn = aws_sqs_queue.environments[0].arn

  batch_size                         = 10
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }

  tags = var.tags
}

################################################################################
# What wakes it besides webhooks
################################################################################

resource "aws_scheduler_schedule" "environments" {
  count = local.has_environments ? 1 : 0

  name        = "${local.deployment}-environments"
  description = "Has all environments looked at"

  schedule_expression = "rate(5 minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sqs_queue.environments[0].arn
    role_arn = aws_iam_role.schedules.arn
    input    = jsonencode({ slipway = "sweep" })

    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}

# Pushes of images in the home region; those of others the schedule finds.
resource "aws_cloudwatch_event_rule" "environments" {
  for_each = try(local.environments_of_pulls["this"].event_rules, {})

  name          = "${local.deployment}-${each.key}"
  description   = "What the environments function of ${local.deployment} is told"
  event_pattern = jsonencode(each.value)

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "environments" {
  for_each = try(local.environments_of_pulls["this"].event_rules, {})

  rule      = aws_cloudwatch_event_rule.environments[each.key].name
  target_id = "environments"
  arn       = aws_sqs_queue.environments[0].arn
}

################################################################################
# Where they run: on Fargate, which needs nothing of a cluster
################################################################################

resource "aws_ecs_cluster" "environments" {
  for_each = local.environments_of_pulls

  region = each.value.region

  name = each.value.cluster

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  tags = merge(var.tags, each.value.tags)
}
