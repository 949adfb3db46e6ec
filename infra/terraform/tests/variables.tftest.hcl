# What a plan refuses, and that the message is that of the variable.

mock_provider "aws" {}

variables {
  webhook_path = "f00d2b1c4d5e6f70"
}

run "a_path_that_can_be_guessed" {
  command = plan
  variables {
    webhook_path = "webhook"
  }
  expect_failures = [var.webhook_path]
}

run "a_path_with_a_slash" {
  command = plan
  variables {
    webhook_path = "f00d2b1c4d5e6f70/x"
  }
  expect_failures = [var.webhook_path]
}

run "a_throttle_of_nothing" {
  command = plan
  variables {
    webhook_throttle = { rate = 0 }
    claim_throttle   = { burst = 0 }
  }
  expect_failures = [var.webhook_throttle, var.claim_throttle]
}

run "an_api_of_another_kind" {
  command = plan
  variables {
    api = "edge"
  }
  expect_failures = [var.api]
}

run "a_private_api_without_endpoints" {
  command = plan
  variables {
    api = "private"
  }
  expect_failures = [var.vpc_endpoint_ids]
}

run "endpoints_of_a_public_api" {
  command = plan
  variables {
    vpc_endpoint_ids = ["vpce-0a1b2c3d4e5f60001"]
  }
  expect_failures = [var.vpc_endpoint_ids]
}

run "an_endpoint_that_is_none" {
  command = plan
  variables {
    api              = "private"
    vpc_endpoint_ids = ["vpc-0a1b2c3d4e5f60001"]
  }
  expect_failures = [var.vpc_endpoint_ids]
}

run "subnets_without_security_groups" {
  command = plan
  variables {
    function_subnets = ["subnet-0a1b2c3d4e5f60001"]
  }
  expect_failures = [var.function_security_groups]
}

run "disks_that_are_too_small" {
  command = plan
  variables {
    root_volume_gib = 8
    data_volume_gib = 1
  }
  expect_failures = [var.root_volume_gib, var.data_volume_gib]
}

run "insights_of_another_kind" {
  command = plan
  variables {
    container_insights = "on"
  }
  expect_failures = [var.container_insights]
}

run "an_alias_for_a_key" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:ap-northeast-1:111122223333:alias/slipway"
  }
  expect_failures = [var.kms_key_arn]
}

run "a_retention_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "an_address_without_alarms" {
  command = plan
  variables {
    alarms      = false
    alarm_email = "platform@example.com"
  }
  expect_failures = [var.alarm_email]
}

run "a_boundary_that_is_no_policy" {
  command = plan
  variables {
    permissions_boundary = "boundary"
  }
  expect_failures = [var.permissions_boundary]
}

run "people_who_are_no_roles" {
  command = plan
  variables {
    redrive_role_arns = ["arn:aws:iam::111122223333:user/alice"]
  }
  expect_failures = [var.redrive_role_arns]
}
