# modules/network, by itself.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
}

run "one_address_for_all_zones" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = length(aws_eip.nat) == 1 && length(aws_route.nat) == 3
    error_message = "not one gateway for three zones"
  }

  assert {
    condition     = length(setintersection(toset([for subnet in aws_subnet.public : subnet.cidr_block]), toset([for subnet in aws_subnet.private : subnet.cidr_block]))) == 0
    error_message = "subnets overlap"
  }

  assert {
    condition     = !anytrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
    error_message = "public addresses though there is NAT"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.endpoints) == 0
    error_message = "something is let in"
  }
}

run "an_address_in_each_zone" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    nat   = "per_zone"
    zones = 2
  }

  assert {
    condition     = length(output.egress_addresses) == 2 && length(output.subnets) == 2 && output.subnets == output.private_subnets
    error_message = "not two zones with an address each"
  }
}

run "without_nat_hosts_have_addresses_of_their_own" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    nat = "none"
  }

  assert {
    condition     = output.egress_addresses == [] && output.subnets == output.public_subnets && alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
    error_message = "hosts cannot leave"
  }
}

run "endpoints_are_reached_from_hosts_alone" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    interface_endpoints = ["execute-api", "logs"]
  }

  assert {
    condition     = keys(output.interface_endpoint_ids) == ["execute-api", "logs"]
    error_message = "no endpoint"
  }

  # Whatever is named *.execute-api leads to an endpoint with private DNS, and it serves private APIs alone.
  assert {
    condition     = !aws_vpc_endpoint.interface["execute-api"].private_dns_enabled && aws_vpc_endpoint.interface["logs"].private_dns_enabled
    error_message = "jobs could call no public API, or hosts not the service"
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.endpoints : rule.from_port == 443 && rule.to_port == 443 && rule.cidr_ipv4 == null
    ]) && length(aws_vpc_security_group_ingress_rule.endpoints) == 2
    error_message = "more than hosts reach the endpoint, or another port"
  }
}

run "a_block_that_is_too_small" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    cidr_block = "10.0.0.0/28"
    zones      = 1
    nat        = "one"
  }

  expect_failures = [var.cidr_block, var.zones, var.nat]
}

run "a_service_with_its_region" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    interface_endpoints = ["com.amazonaws.eu-west-1.execute-api"]
  }

  expect_failures = [var.interface_endpoints]
}
