# The webhook's API: one route, at a path that nobody can guess. An API of its own, so that a flood here takes nothing from
# the containers' claims.

resource "aws_apigatewayv2_api" "webhook" {
  name          = "${local.deployment}-webhook"
  description   = "GitHub's webhook"
  protocol_type = "HTTP"

  tags = var.tags
}

resource "aws_apigatewayv2_integration" "webhook" {
  api_id = aws_apigatewayv2_api.webhook.id

  integration_type       = "AWS_PROXY"
  integration_uri        = module.functions["webhook"].arn
  payload_format_version = "2.0"
}

# Open to everyone: GitHub signs the body, which the function checks before it reads it.
resource "aws_apigatewayv2_route" "webhook" {
  api_id = aws_apigatewayv2_api.webhook.id

  route_key          = "POST /webhook/${var.webhook_path}"
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.webhook.id}"
}

resource "aws_apigatewayv2_stage" "webhook" {
  api_id = aws_apigatewayv2_api.webhook.id

  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = var.webhook_throttle.burst
    throttling_rate_limit  = var.webhook_throttle.rate
  }

  tags = var.tags
}

resource "aws_lambda_permission" "webhook" {
  statement_id  = "webhook"
  action        = "lambda:InvokeFunction"
  function_name = module.functions["webhook"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.webhook.execution_arn}/*/POST/webhook/${var.webhook_path}"
}
