# What an operator looks at, made from the same names as metrics and log lines.

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = local.deployment
  dashboard_body = jsonencode(local.description.dashboard)
}
