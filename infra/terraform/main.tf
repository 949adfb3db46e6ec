# Slipway in one account: what follows from slipway.yaml is read from the build, the rest stands here, a file a subject.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.region # the home region: that of the provider

  manifest = jsondecode(file("${var.build}/manifest.json"))

  # As it was rendered. What is looped over is looped over here, where every key is known whatever else is not yet.
  rendered_text = file("${var.build}/deployment.json")
  rendered      = jsondecode(local.rendered_text)

  # The same with account and region filled in. What waits for the APIs is filled in where it is used: a text in which one
  # word is unknown is unknown as a whole.
  description = jsondecode(replace(
    replace(local.rendered_text, "$${account_id}", local.account_id), "$${claim_region}", local.region
  ))

  deployment = local.rendered.deployment
}

# The account's, not this deployment's: others launch Spot Instances with it too.
resource "aws_iam_service_linked_role" "spot" {
  count = var.create_spot_role ? 1 : 0

  aws_service_name = "spot.amazonaws.com"

  # A plan that would delete it fails, and nothing is destroyed (README.md, "Remove").
  lifecycle {
    prevent_destroy = true
  }
}
