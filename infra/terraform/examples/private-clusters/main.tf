# Runners in the networks of private EKS clusters, in two regions. README.md has the steps; network/ comes first.
#
#   make build CONFIG=infra/terraform/examples/private-clusters/slipway.yaml
#   export TF_VAR_webhook_path=$(openssl rand -hex 16)
#   terraform -chdir=infra/terraform/examples/private-clusters init
#   terraform -chdir=infra/terraform/examples/private-clusters apply

provider "aws" {
  region = "ap-northeast-1" # the home region: functions, queues, table, APIs
}

module "slipway" {
  source = "../.."

  build         = var.build
  configuration = "${path.module}/slipway.yaml"
  webhook_path  = var.webhook_path
  alarm_email   = var.alarm_email
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition

  # Region, subnets and security groups stand in slipway.yaml, and nowhere else.
  pools = yamldecode(file("${path.module}/slipway.yaml")).pools
}
