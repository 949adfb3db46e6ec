# The clusters: a way in for the pools' hosts, and what each of the two roles may do.

data "aws_eks_cluster" "this" {
  for_each = var.clusters

  region = local.pools[each.key].region

  name = each.value
}

# The API server's own security group. Access entries say who may do what; this says who may ask at all.
resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each = var.clusters

  region = local.pools[each.key].region

  security_group_id            = data.aws_eks_cluster.this[each.key].vpc_config[0].cluster_security_group_id
  description                  = "Kubernetes API from Slipway's runners"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = local.pools[each.key].security_groups[0]
}

locals {
  # Every role in every cluster.
  entries = merge([
    for pool, cluster in var.clusters : {
      for name, role in local.roles : "${pool}-${name}" => {
        pool    = pool
        cluster = cluster
        role    = name
      }
    }
  ]...)
}

resource "aws_eks_access_entry" "workflow" {
  for_each = local.entries

  region = local.pools[each.value.pool].region

  cluster_name  = each.value.cluster
  principal_arn = aws_iam_role.workflow[each.value.role].arn
  type          = "STANDARD"
}

resource "aws_eks_access_policy_association" "workflow" {
  for_each = local.entries

  region = local.pools[each.value.pool].region

  cluster_name  = each.value.cluster
  principal_arn = aws_eks_access_entry.workflow[each.key].principal_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/${local.roles[each.value.role].policy}"

  access_scope {
    type       = local.roles[each.value.role].scope.type
    namespaces = local.roles[each.value.role].scope.namespaces
  }
}
