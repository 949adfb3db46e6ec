# In the VPC of each cluster, before anything else: a security group for the runners' hosts, which lets nothing in. Paste
# the outputs into ../slipway.yaml. The VPCs, their private subnets and NAT gateways are there already.
#
#   terraform -chdir=infra/terraform/examples/private-clusters/network init
#   terraform -chdir=infra/terraform/examples/private-clusters/network apply

provider "aws" {
  region = "ap-northeast-1"
}

resource "aws_security_group" "hosts" {
  for_each = var.networks

  region = each.value.region

  name        = "slipway-hosts"
  description = "Hosts of Slipway's runners: nothing is let in"
  vpc_id      = each.value.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "hosts" {
  for_each = var.networks

  region = each.value.region

  security_group_id = aws_security_group.hosts[each.key].id
  description       = "Jobs reach what they need"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# The addresses by which the private subnets leave: they stay as long as the gateways' Elastic IPs do.
data "aws_nat_gateways" "this" {
  for_each = var.networks

  region = each.value.region

  vpc_id = each.value.vpc_id

  filter {
    name   = "state"
    values = ["available"]
  }
}

locals {
  gateways = merge([
    for name, found in data.aws_nat_gateways.this : { for id in found.ids : "${name}-${id}" => { network = name, id = id } }
  ]...)
}

data "aws_nat_gateway" "this" {
  for_each = local.gateways

  region = var.networks[each.value.network].region

  id = each.value.id
}
