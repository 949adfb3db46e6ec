# Two roles for workflows, apart from each other and from the runners' own: every job of a pool holds the pool's task
# role, so nothing of the clusters is in that. A pull request may look, a reviewed deployment may change.

locals {
  issuer = "token.actions.githubusercontent.com"

  oidc_provider_arn = coalesce(var.oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn))

  # What GitHub says of the job, and what of Kubernetes it then has.
  roles = {
    diff = {
      subject = "repo:${var.repository}:pull_request"
      policy  = "AmazonEKSViewPolicy" # reads everything but secrets
      scope   = { type = "cluster", namespaces = [] }
    }
    apply = {
      subject = "repo:${var.repository}:environment:${var.environment}"
      policy  = "AmazonEKSEditPolicy"
      scope   = { type = "namespace", namespaces = var.namespaces }
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [each.value.subject]
    }
  }
}

resource "aws_iam_role" "workflow" {
  for_each = local.roles

  name                 = "slipway-clusters-${each.key}"
  description          = "Workflows of ${var.repository} that ${each.key} what is in the clusters"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

# `aws eks update-kubeconfig` asks for the cluster's address and certificate.
data "aws_iam_policy_document" "describe" {
  statement {
    actions   = ["eks:DescribeCluster"]
    resources = [for cluster in data.aws_eks_cluster.this : cluster.arn]
  }
}

resource "aws_iam_role_policy" "describe" {
  for_each = aws_iam_role.workflow

  name   = "describe-clusters"
  role   = each.value.name
  policy = data.aws_iam_policy_document.describe.json
}
