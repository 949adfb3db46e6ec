# What an operator is called for. Which alarms there are follows from slipway.yaml, and each says what to do.

locals {
  alarms = var.alarms ? local.rendered.alarms : {}
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.deployment}-${each.key}"
  alarm_description = each.value.description
  alarm_actions     = [aws_sns_topic.alarms[0].arn]

  namespace   = each.value.namespace
  metric_name = each.value.metric
  dimensions = {
    for name, value in local.description.alarms[each.key].dimensions :
    name => replace(value, "$${webhook_api_id}", aws_apigatewayv2_api.webhook.id)
  }

  statistic           = each.value.statistic
  period              = each.value.period_seconds
  evaluation_periods  = each.value.evaluation_periods
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing

  tags = var.tags
}

# Not encrypted with AWS's own key for SNS, with which CloudWatch could not publish [IAM-SNS-ALARMS].
resource "aws_sns_topic" "alarms" {
  count = var.alarms ? 1 : 0

  name              = "${local.deployment}-alarms"
  kms_master_key_id = var.kms_key_arn

  tags = var.tags
}

resource "aws_sns_topic_policy" "alarms" {
  count = var.alarms ? 1 : 0

  arn = aws_sns_topic.alarms[0].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsTell"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms[0].arn
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${local.deployment}-*" }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarms && var.alarm_email != null ? 1 : 0

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
