# Everything at once: an enterprise, pools in two regions, jobs with Docker alone on their instances, functions in a VPC
# for a private GitHub server, a claim API that never leaves it, a key of one's own.
#
#   make build CONFIG=infra/terraform/examples/complete/slipway.yaml
#   export TF_VAR_webhook_path=$(openssl rand -hex 16)
#   terraform -chdir=infra/terraform/examples/complete init
#   terraform -chdir=infra/terraform/examples/complete apply

provider "aws" {
  region = "ap-northeast-1"

  default_tags {
    tags = {
      project = "slipway"
    }
  }
}

module "slipway" {
  source = "../.."

  build         = var.build
  configuration = "${path.module}/slipway.yaml"

  webhook_path = var.webhook_path
  webhook_throttle = {
    burst = 1000
    rate  = 400
  }

  # Containers claim by the endpoint, which the pool of the other region reaches over the peering of the two VPCs.
  api              = "private"
  vpc_endpoint_ids = ["vpce-0a1b2c3d4e5f60001"]

  # For https://ghes.example.com, which is in this VPC.
  function_subnets         = ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"]
  function_security_groups = ["sg-0a1b2c3d4e5f60001"]

  root_volume_gib    = 150
  data_volume_gib    = 500
  container_insights = "enhanced"

  kms_key_arn          = "arn:aws:kms:ap-northeast-1:111122223333:key/1b2c3d4e-5f60-4711-8822-0a1b2c3d4e5f"
  permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
  log_retention_days   = 90

  alarm_email       = "platform@example.com"
  redrive_role_arns = ["arn:aws:iam::111122223333:role/platform-engineers"]

  tags = {
    team = "platform"
  }
}
