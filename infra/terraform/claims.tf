# The claim API: two routes for runner containers, both behind IAM, in one of two forms. The task's role is what tells the
# registrar who calls; its policy (of the pool) allows exactly these two.

locals {
  claim_routes = ["claim", "release"]
  task_role_arns = [
    for pool in local.rendered.pools : "arn:${local.partition}:iam::${local.account_id}:role/${pool.roles.task.name}"
  ]
  is_public = var.api == "public"

  claim_api_id = one(concat(aws_apigatewayv2_api.claims[*].id, aws_api_gateway_rest_api.claims[*].id))
  claim_api_execution_arn = one(concat(
    aws_apigatewayv2_api.claims[*].execution_arn, aws_api_gateway_rest_api.claims[*].execution_arn
  ))

  # By the endpoint's own name a private API is reached with private DNS and without, but by that endpoint alone
  # [LAMBDA-PRIVATE-API].
  claim_host = "${join("-", concat([local.claim_api_id], length(var.vpc_endpoint_ids) == 1 ? var.vpc_endpoint_ids : []))}.execute-api.${local.region}.${data.aws_partition.this.dns_suffix}"
  claim_url  = local.is_public ? "https://${local.claim_host}" : "https://${local.claim_host}/${local.private_stage}"

  private_stage = "live"
}

resource "aws_lambda_permission" "claims" {
  for_each = toset(local.claim_routes)

  statement_id  = each.value
  action        = "lambda:InvokeFunction"
  function_name = module.functions["registrar"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.claim_api_execution_arn}/*/POST/v1/${each.value}"
}

################################################################################
# Public: an HTTP API
################################################################################

resource "aws_apigatewayv2_api" "claims" {
  count = local.is_public ? 1 : 0

  name          = "${local.deployment}-claims"
  description   = "Claims of runner containers"
  protocol_type = "HTTP"

  tags = var.tags
}

resource "aws_apigatewayv2_integration" "claims" {
  count = local.is_public ? 1 : 0

  api_id = aws_apigatewayv2_api.claims[0].id

  integration_type       = "AWS_PROXY"
  integration_uri        = module.functions["registrar"].arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "claims" {
  for_each = toset(local.is_public ? local.claim_routes : [])

  api_id = aws_apigatewayv2_api.claims[0].id

  route_key          = "POST /v1/${each.value}"
  authorization_type = "AWS_IAM"
  target             = "integrations/${aws_apigatewayv2_integration.claims[0].id}"
}

resource "aws_apigatewayv2_stage" "claims" {
  count = local.is_public ? 1 : 0

  api_id = aws_apigatewayv2_api.claims[0].id

  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = var.claim_throttle.burst
    throttling_rate_limit  = var.claim_throttle.rate
  }

  tags = var.tags
}

################################################################################
# Private: a REST API, since HTTP APIs are never private [LAMBDA-PRIVATE-API]
################################################################################

resource "aws_api_gateway_rest_api" "claims" {
  count = local.is_public ? 0 : 1

  name        = "${local.deployment}-claims"
  description = "Claims of runner containers"

  endpoint_configuration {
    types            = ["PRIVATE"]
    vpc_endpoint_ids = var.vpc_endpoint_ids
  }

  tags = var.tags
}

resource "aws_api_gateway_rest_api_policy" "claims" {
  count = local.is_public ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.claims[0].id

  # Within one account either this or the caller's own policy may allow [LAMBDA-REST-POLICY]: so nothing is allowed here but
  # to the task roles, and whatever comes by another endpoint is refused, whoever it is.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyByOurEndpoints"
        Effect    = "Deny"
        Principal = "*"
        Action    = "execute-api:Invoke"
        Resource  = "${aws_api_gateway_rest_api.claims[0].execution_arn}/*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = var.vpc_endpoint_ids } }
      },
      {
        Sid       = "TaskRolesClaim"
        Effect    = "Allow"
        Principal = "*"
        Action    = "execute-api:Invoke"
        Resource  = [for route in local.claim_routes : "${aws_api_gateway_rest_api.claims[0].execution_arn}/*/POST/v1/${route}"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.task_role_arns } }
      },
    ]
  })
}

resource "aws_api_gateway_resource" "version" {
  count = local.is_public ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.claims[0].id
  parent_id   = aws_api_gateway_rest_api.claims[0].root_resource_id
  path_part   = "v1"
}

resource "aws_api_gateway_resource" "claims" {
  for_each = toset(local.is_public ? [] : local.claim_routes)

  rest_api_id = aws_api_gateway_rest_api.claims[0].id
  parent_id   = aws_api_gateway_resource.version[0].id
  path_part   = each.value
}

resource "aws_api_gateway_method" "claims" {
  for_each = toset(local.is_public ? [] : local.claim_routes)

  rest_api_id   = aws_api_gateway_rest_api.claims[0].id
  resource_id   = aws_api_gateway_resource.claims[each.value].id
  http_method   = "POST"
  authorization = "AWS_IAM"
}

resource "aws_api_gateway_integration" "claims" {
  for_each = toset(local.is_public ? [] : local.claim_routes)

  rest_api_id = aws_api_gateway_rest_api.claims[0].id
  resource_id = aws_api_gateway_resource.claims[each.value].id
  http_method = aws_api_gateway_method.claims[each.value].http_method

  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = module.functions["registrar"].invoke_arn
}

resource "aws_api_gateway_deployment" "claims" {
  count = local.is_public ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.claims[0].id

  # A REST API serves what it was when it was deployed: what changes it needs another deployment [LAMBDA-REST-POLICY].
  triggers = {
    of = sha256(jsonencode([
      aws_api_gateway_rest_api_policy.claims[0].policy,
      [for method in aws_api_gateway_method.claims : [method.resource_id, method.authorization]],
      [for integration in aws_api_gateway_integration.claims : integration.uri],
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "claims" {
  count = local.is_public ? 0 : 1

  rest_api_id   = aws_api_gateway_rest_api.claims[0].id
  deployment_id = aws_api_gateway_deployment.claims[0].id
  stage_name    = local.private_stage

  tags = var.tags
}

resource "aws_api_gateway_method_settings" "claims" {
  count = local.is_public ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.claims[0].id
  stage_name  = aws_api_gateway_stage.claims[0].stage_name
  method_path = "*/*"

  settings {
    throttling_burst_limit = var.claim_throttle.burst
    throttling_rate_limit  = var.claim_throttle.rate
  }
}
