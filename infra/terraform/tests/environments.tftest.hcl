# Environments of pull requests, planned and applied with a mocked account. `make infra-check` gives `build` and
# `configuration`: those of docs/examples/environments.yaml.

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
    defaults = {
      arn = "arn:aws:sqs:ap-northeast-1:111122223333:mocked"
      url = "https://sqs.ap-northeast-1.amazonaws.com/111122223333/mocked"
    }
  }
}

variables {
  webhook_path = "f00d2b1c4d5e6f70"
}

run "environments" {
  command = apply

  assert {
    condition     = aws_sqs_queue.environments[0].name == "slipway-environments" && output.queue_urls.environments == aws_sqs_queue.environments[0].url
    error_message = "the queue is misnamed, or nobody is told of it"
  }

  assert {
    condition     = aws_sqs_queue.environments[0].visibility_timeout_seconds == 6 * 120
    error_message = "not six times the function's timeout"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.environments[0].scaling_config[0].maximum_concurrency == 2 &&
      aws_lambda_event_source_mapping.environments[0].maximum_batching_window_in_seconds == 5
    )
    error_message = "more work at once than can"
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.environments[0].target[0].input) == { slipway = "sweep" }
    error_message = "the schedule says what the function does not know"
  }

  assert {
    condition     = aws_ecs_cluster.environments["this"].name == "slipway-environments" && aws_ecs_cluster.environments["this"].region == "ap-northeast-1"
    error_message = "the cluster is misnamed, or elsewhere"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.environments["images"].event_pattern).detail["repository-name"] == ["api", "web"]
    error_message = "pushes of other images would wake the function"
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy).sourceQueueArns) == 3
    error_message = "what nobody can handle would come back for days"
  }
}
