# What happens once a minute. A run that failed is not repeated: the next is a minute away.

locals {
  scheduled_functions = [for name in ["reaper", "redelivery"] : name if contains(keys(local.rendered.functions), name)]
}

# A tick wakes the scaler where no event did.
resource "aws_scheduler_schedule" "tick" {
  name        = "${local.deployment}-tick"
  description = "Wakes the scaler"

  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sqs_queue.events.arn
    role_arn = aws_iam_role.schedules.arn
    input    = jsonencode({ slipway = "tick" })

    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}

resource "aws_scheduler_schedule" "functions" {
  for_each = toset(local.scheduled_functions)

  name        = "${local.deployment}-${each.value}"
  description = "Runs ${each.value}"

  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.functions[each.value].arn
    role_arn = aws_iam_role.schedules.arn
    input    = jsonencode({})

    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}

# Scheduler only hands over; what Lambda does with a run that failed, or that found the function busy, stands here
# [LAMBDA-ASYNC-RETRIES].
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = toset(local.scheduled_functions)

  function_name                = module.functions[each.value].name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_iam_role" "schedules" {
  name        = "${local.deployment}-schedules-${local.region}"
  description = "Ticks, and runs functions once a minute"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        # Scheduler names the group that a schedule is in [IAM-SCHEDULER-GROUP].
        ArnEquals = { "aws:SourceArn" = "arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/default" }
      }
    }]
  })
  permissions_boundary = var.permissions_boundary

  tags = var.tags
}

resource "aws_iam_role_policy" "schedules" {
  name = "slipway"
  role = aws_iam_role.schedules.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Tick"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = concat([aws_sqs_queue.events.arn], aws_sqs_queue.environments[*].arn)
      },
      {
        Sid      = "Run"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [for name in local.scheduled_functions : module.functions[name].arn]
      },
    ]
  })
}

resource "aws_iam_role_policy" "schedules_key" {
  count = var.kms_key_arn == null ? 0 : 1

  name = "key"
  role = aws_iam_role.schedules.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arn
    }]
  })
}
