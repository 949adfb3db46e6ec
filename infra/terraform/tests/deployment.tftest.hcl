# The whole of it with a mocked account: planned, then applied, so that what is known only afterwards is looked at too.
# `make infra-check` gives `build` and `configuration`: those of examples/complete.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "ap-northeast-1" }
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id            = "a1b2c3d4e5"
      api_endpoint  = "https://a1b2c3d4e5.execute-api.ap-northeast-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:ap-northeast-1:111122223333:a1b2c3d4e5"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:ap-northeast-1:111122223333:slipway-alarms" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:ap-northeast-1:111122223333:mocked" }
  }
}

variables {
  webhook_path = "f00d2b1c4d5e6f70"
}

run "as_it_is_by_default" {
  command = plan

  assert {
    condition = [for name in ["webhook", "scaler", "registrar", "reaper", "redelivery"] : module.functions[name].name] == [
      "slipway-webhook", "slipway-scaler", "slipway-registrar", "slipway-reaper", "slipway-redelivery"
    ]
    error_message = "a function's name is not DEPLOYMENT-NAME"
  }

  assert {
    condition     = aws_dynamodb_table.this.name == "slipway" && aws_sqs_queue.dead_letters.name == "slipway-dead-letters"
    error_message = "table or queue is misnamed"
  }

  assert {
    condition     = aws_iam_role.schedules.name == "slipway-schedules-ap-northeast-1"
    error_message = "a role's name has no region: two deployments of one account would meet"
  }

  assert {
    condition     = length(aws_sqs_queue.environments) + length(aws_ecs_cluster.environments) + length(aws_scheduler_schedule.environments) == 0
    error_message = "environments of pull requests are there, though nobody configured them"
  }

  assert {
    condition     = length(aws_iam_service_linked_role.spot) == 0
    error_message = "a role of the account's is made, though nobody asked for it"
  }

  assert {
    condition     = aws_sqs_queue.jobs.visibility_timeout_seconds == 360 && aws_sqs_queue.events.visibility_timeout_seconds == 360
    error_message = "not six times 60 s"
  }

  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled && aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "no protection by default"
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.claims : route.authorization_type == "AWS_IAM"])
    error_message = "a claim route without authorizer"
  }

  assert {
    condition     = toset([for route in aws_apigatewayv2_route.claims : route.route_key]) == toset(["POST /v1/claim", "POST /v1/release"])
    error_message = "not exactly the two routes"
  }

  assert {
    condition     = nonsensitive(aws_apigatewayv2_route.webhook.route_key) == "POST /webhook/f00d2b1c4d5e6f70"
    error_message = "the webhook is not at its path"
  }

  assert {
    condition     = length(aws_api_gateway_rest_api.claims) == 0
    error_message = "a private API beside the public one"
  }

  assert {
    condition     = module.pools["oregon"].region == "us-west-2"
    error_message = "the pool is not in its region"
  }

  assert {
    condition = (
      alltrue([for rule in aws_cloudwatch_event_rule.regional : rule.region == "us-west-2"]) &&
      length(aws_cloudwatch_event_rule.regional) == length(aws_cloudwatch_event_rule.home)
    )
    error_message = "rules in another region than that of the pool, or none"
  }

  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.regional : target.arn == "arn:aws:events:ap-northeast-1:111122223333:event-bus/default"
    ])
    error_message = "not to the home region's bus"
  }

  assert {
    condition     = aws_sqs_queue.jobs.sqs_managed_sse_enabled && aws_sqs_queue.jobs.kms_master_key_id == null
    error_message = "not SQS's own encryption"
  }
}

run "a_key_that_is_given_encrypts_what_can_be_in_its_region" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:ap-northeast-1:111122223333:key/1b2c3d4e-5f60-4711-8822-0a1b2c3d4e5f"
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.jobs, aws_sqs_queue.events, aws_sqs_queue.dead_letters] : queue.kms_master_key_id == var.kms_key_arn
    ])
    error_message = "a queue without the key"
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn && aws_sns_topic.alarms[0].kms_master_key_id == var.kms_key_arn
    error_message = "table or topic without the key"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.kms_key_arn])
    error_message = "a secret without the key"
  }
}

run "no_dashboard_where_none_is_wanted" {
  command = plan

  variables {
    dashboard = false
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0
    error_message = "a dashboard all the same"
  }
}

run "without_alarms_there_is_no_topic" {
  command = plan

  variables {
    alarms = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && output.alarm_topic_arn == null
    error_message = "alarms all the same"
  }
}

run "it_applies" {
  command = apply

  assert {
    condition     = output.claim_url == "https://a1b2c3d4e5.execute-api.ap-northeast-1.amazonaws.com"
    error_message = "not the claim API's address"
  }

  assert {
    condition     = nonsensitive(output.webhook_url) == "https://a1b2c3d4e5.execute-api.ap-northeast-1.amazonaws.com/webhook/f00d2b1c4d5e6f70"
    error_message = "not the webhook's address"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) > 0 && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([output.alarm_topic_arn])])
    error_message = "no alarms by default, or one that tells nobody"
  }

  assert {
    condition     = one(aws_cloudwatch_dashboard.this).dashboard_name == output.deployment && length(jsondecode(one(aws_cloudwatch_dashboard.this).dashboard_body).widgets) > 0
    error_message = "no dashboard by default, or an empty one"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.this) > 0 && keys(aws_secretsmanager_secret_policy.this) == keys(aws_secretsmanager_secret.this)
    error_message = "a secret that anybody may read"
  }
}
