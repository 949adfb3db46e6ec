# One function for each pool, in its subnets and security groups: it tells what a runner there would reach
# (`slipway doctor --reach`), and may do nothing else. Whoever may invoke it can scan ports from there.

locals {
  reach = var.deploy_reach ? local.pools : {}
}

data "aws_iam_policy_document" "reach_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "reach" {
  for_each = local.reach

  name               = "slipway-reach-${each.key}"
  description        = "Of the function that tells what ${each.key}'s runners reach"
  assume_role_policy = data.aws_iam_policy_document.reach_trust.json
}

# Its network interface. It writes its log by the same policy.
resource "aws_iam_role_policy_attachment" "reach" {
  for_each = local.reach

  role       = aws_iam_role.reach[each.key].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_cloudwatch_log_group" "reach" {
  for_each = local.reach

  region = each.value.region

  name              = "/aws/lambda/slipway-reach-${each.key}"
  retention_in_days = 7
}

resource "aws_lambda_function" "reach" {
  for_each = local.reach

  region = each.value.region

  function_name    = "slipway-reach-${each.key}"
  description      = "Tells what ${each.key}'s runners reach"
  role             = aws_iam_role.reach[each.key].arn
  filename         = "${var.build}/functions/reach.zip"
  source_code_hash = filebase64sha256("${var.build}/functions/reach.zip")
  handler          = "functions.reach.handler.lambda_handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 128
  timeout          = 30

  vpc_config {
    subnet_ids         = each.value.subnets
    security_group_ids = each.value.security_groups
  }

  depends_on = [aws_cloudwatch_log_group.reach, aws_iam_role_policy_attachment.reach]
}
