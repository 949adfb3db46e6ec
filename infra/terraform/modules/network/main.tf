# A small VPC for pools, and for functions that must leave by a known address: private subnets behind NAT gateways, or
# public ones without. A deployment of its own, before Slipway's: its outputs are pasted into slipway.yaml.

data "aws_region" "this" {
  region = var.region
}

data "aws_availability_zones" "this" {
  region = var.region

  state = "available"

  # Not local zones, which have few instance types.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  region = data.aws_region.this.region

  zones = slice(
    sort(data.aws_availability_zones.this.names), 0, min(var.zones, length(data.aws_availability_zones.this.names))
  )

  # Halves of the block: one of small public subnets, where only NAT gateways are, or one of large ones, where hosts are.
  private_blocks = cidrsubnets(cidrsubnet(var.cidr_block, 1, 0), [for zone in local.zones : 2]...)
  public_blocks  = cidrsubnets(cidrsubnet(var.cidr_block, 1, 1), [for zone in local.zones : 2]...)

  zones_with_nat = var.nat == "none" ? [] : var.nat == "single" ? slice(local.zones, 0, 1) : local.zones
}

################################################################################
# VPC
################################################################################

resource "aws_vpc" "this" {
  region = var.region

  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true # interface endpoints are found by name

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = length(local.zones) == var.zones
      error_message = "${local.region} has ${length(local.zones)} zones that are open to everybody, not ${var.zones}."
    }
  }
}

# AWS makes one that lets its members talk to each other; nothing is to be in it.
resource "aws_default_security_group" "this" {
  region = var.region

  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-unused" })
}

resource "aws_internet_gateway" "this" {
  region = var.region

  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = var.name })
}

################################################################################
# Public subnets
################################################################################

resource "aws_subnet" "public" {
  for_each = toset(local.zones)

  region = var.region

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value
  cidr_block        = local.public_blocks[index(local.zones, each.value)]

  # Without NAT a host reaches the world by an address of its own; nothing reaches the host (its security group).
  map_public_ip_on_launch = var.nat == "none"

  tags = merge(var.tags, { Name = "${var.name}-public-${each.value}" })
}

resource "aws_route_table" "public" {
  region = var.region

  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "internet" {
  region = var.region

  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = toset(local.zones)

  region = var.region

  subnet_id      = aws_subnet.public[each.value].id
  route_table_id = aws_route_table.public.id
}

################################################################################
# Private subnets, and the addresses by which they leave
################################################################################

resource "aws_subnet" "private" {
  for_each = toset(local.zones)

  region = var.region

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value
  cidr_block        = local.private_blocks[index(local.zones, each.value)]

  tags = merge(var.tags, { Name = "${var.name}-private-${each.value}" })
}

# Kept apart from the gateways, so that the addresses outlive them: they are on the allow lists of others.
resource "aws_eip" "nat" {
  for_each = toset(local.zones_with_nat)

  region = var.region

  domain = "vpc"

  tags = merge(var.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_nat_gateway" "this" {
  for_each = toset(local.zones_with_nat)

  region = var.region

  allocation_id = aws_eip.nat[each.value].id
  subnet_id     = aws_subnet.public[each.value].id

  tags = merge(var.tags, { Name = "${var.name}-${each.value}" })

  # A gateway cannot start before the VPC has its way out.
  depends_on = [aws_route.internet]
}

resource "aws_route_table" "private" {
  for_each = toset(local.zones)

  region = var.region

  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-private-${each.value}" })
}

resource "aws_route" "nat" {
  for_each = toset(var.nat == "none" ? [] : local.zones)

  region = var.region

  route_table_id         = aws_route_table.private[each.value].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat == "single" ? local.zones[0] : each.value].id
}

resource "aws_route_table_association" "private" {
  for_each = toset(local.zones)

  region = var.region

  subnet_id      = aws_subnet.private[each.value].id
  route_table_id = aws_route_table.private[each.value].id
}

################################################################################
# Endpoints
################################################################################

# Free of charge, and image layers of ECR come from S3: they need not go through NAT.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  region = var.region

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat([aws_route_table.public.id], [for table in aws_route_table.private : table.id])

  tags = merge(var.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  region = var.region

  vpc_id             = aws_vpc.this.id
  service_name       = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids = aws_security_group.endpoints[*].id
  # With private DNS for execute-api, jobs could call no public API of API Gateway in this region
  # [LAMBDA-HTTP-API-PRIVATE-DNS].
  private_dns_enabled = each.value != "execute-api"

  tags = merge(var.tags, { Name = "${var.name}-${each.value}" })
}

################################################################################
# Security groups. Hosts let nothing in: jobs, agents and functions call, and are called by nobody.
################################################################################

resource "aws_security_group" "hosts" {
  for_each = {
    shared    = "Hosts of pools whose jobs share them, and functions"
    exclusive = "Hosts of pools with one job an instance, where a job may be root"
  }

  region = var.region

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_egress_rule" "hosts" {
  for_each = aws_security_group.hosts

  region = var.region

  security_group_id = each.value.id
  description       = "Jobs reach what they need"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"

  tags = var.tags
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  region = var.region

  name        = "${var.name}-endpoints"
  description = "Interface endpoints of AWS"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = length(var.interface_endpoints) > 0 ? aws_security_group.hosts : {}

  region = var.region

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "From hosts and functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = each.value.id

  tags = var.tags
}
