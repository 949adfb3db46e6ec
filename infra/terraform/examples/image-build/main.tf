# Runners for image builds: a deployment of their own. docs/recipes/image-build.md has the steps; registry/ comes first.
#
#   make build CONFIG=infra/terraform/examples/image-build/slipway.yaml
#   export TF_VAR_webhook_path=$(openssl rand -hex 16)
#   terraform -chdir=infra/terraform/examples/image-build init
#   terraform -chdir=infra/terraform/examples/image-build apply

provider "aws" {
  region = "ap-northeast-1"
}

module "slipway" {
  source = "../.."

  build         = var.build
  configuration = "${path.module}/slipway.yaml"
  webhook_path  = var.webhook_path
  alarm_email   = var.alarm_email

  data_volume_gib    = 400 # six builds of disk_quota each, and images
  log_retention_days = 400 # as long as the records
}
