# The smallest deployment: one pool, App credentials alone.
#
#   make build CONFIG=infra/terraform/examples/minimal/slipway.yaml
#   export TF_VAR_webhook_path=$(openssl rand -hex 16)
#   terraform -chdir=infra/terraform/examples/minimal init
#   terraform -chdir=infra/terraform/examples/minimal apply

provider "aws" {
  region = "us-east-1"
}

module "slipway" {
  source = "../.."

  build         = var.build
  configuration = "${path.module}/slipway.yaml"
  webhook_path  = var.webhook_path
}
