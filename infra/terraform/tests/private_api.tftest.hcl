# `api = "private"`: the REST API, its endpoints, and functions in a VPC.

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
  mock_resource "aws_api_gateway_rest_api" {
    defaults = { id = "f6g7h8i9j0" }
  }
}

variables {
  webhook_path     = "f00d2b1c4d5e6f70"
  api              = "private"
  vpc_endpoint_ids = ["vpce-0a1b2c3d4e5f60001"]
}

run "every_method_wants_iam" {
  command = plan

  assert {
    condition     = alltrue([for method in aws_api_gateway_method.claims : method.authorization == "AWS_IAM" && method.http_method == "POST"])
    error_message = "a claim method without authorizer"
  }

  assert {
    condition     = toset(keys(aws_api_gateway_method.claims)) == toset(["claim", "release"]) && length(aws_apigatewayv2_route.claims) == 0
    error_message = "not exactly the two methods"
  }
}

run "by_one_endpoint_containers_call_the_api_by_the_endpoints_name" {
  command = apply

  assert {
    condition     = output.claim_url == "https://f6g7h8i9j0-vpce-0a1b2c3d4e5f60001.execute-api.ap-northeast-1.amazonaws.com/live"
    error_message = "${output.claim_url} works only with private DNS"
  }

  assert {
    condition = (
      jsondecode(aws_api_gateway_rest_api_policy.claims[0].policy).Statement[0].Effect == "Deny" &&
      jsondecode(aws_api_gateway_rest_api_policy.claims[0].policy).Statement[0].Condition.StringNotEquals["aws:SourceVpce"] == ["vpce-0a1b2c3d4e5f60001"]
    )
    error_message = "other endpoints are not refused"
  }
}

run "by_several_endpoints_they_call_it_by_its_own" {
  command = apply

  variables {
    vpc_endpoint_ids = ["vpce-0a1b2c3d4e5f60001", "vpce-0a1b2c3d4e5f60002"]
  }

  assert {
    condition     = output.claim_url == "https://f6g7h8i9j0.execute-api.ap-northeast-1.amazonaws.com/live"
    error_message = "${output.claim_url} is one endpoint's, which another VPC does not reach"
  }
}
