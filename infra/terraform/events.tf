# AWS's events, filtered to those that can change a plan. Those of other regions come over the home region's event bus: a
# rule reaches another region's bus, and no queue there.

locals {
  event_bus_arn = "arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/default"

  regional_rules = merge([
    for region, rules in local.rendered.regional_event_rules : {
      for rule in keys(rules) : "${region}/${rule}" => { region = region, rule = rule }
    } if region != local.region
  ]...)
}

resource "aws_cloudwatch_event_rule" "home" {
  for_each = local.rendered.event_rules

  name          = "${local.deployment}-${each.key}"
  description   = "What the scaler of ${local.deployment} is told"
  event_pattern = jsonencode(local.description.event_rules[each.key])

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "home" {
  for_each = local.rendered.event_rules

  rule      = aws_cloudwatch_event_rule.home[each.key].name
  target_id = "events"
  arn       = aws_sqs_queue.events.arn
}

################################################################################
# Regions of pools other than the home region
################################################################################

resource "aws_cloudwatch_event_rule" "regional" {
  for_each = local.regional_rules

  region = each.value.region

  name          = "${local.deployment}-${each.value.rule}"
  description   = "What the scaler of ${local.deployment} in ${local.region} is told"
  event_pattern = jsonencode(local.description.regional_event_rules[each.value.region][each.value.rule])

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "regional" {
  for_each = local.regional_rules

  region = each.value.region

  rule      = aws_cloudwatch_event_rule.regional[each.key].name
  target_id = "home"
  arn       = local.event_bus_arn
  role_arn  = aws_iam_role.events[0].arn
}

resource "aws_iam_role" "events" {
  count = length(local.regional_rules) > 0 ? 1 : 0

  name        = "${local.deployment}-events-${local.region}"
  description = "Sends events of other regions to ${local.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
  permissions_boundary = var.permissions_boundary

  tags = var.tags
}

resource "aws_iam_role_policy" "events" {
  count = length(local.regional_rules) > 0 ? 1 : 0

  name = "slipway"
  role = aws_iam_role.events[0].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendHome"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = local.event_bus_arn
    }]
  })
}
