output "vpc_id" {
  description = "Id of the VPC"
  value       = aws_vpc.this.id
}

output "subnets" {
  description = "For `pools.NAME.subnets` in slipway.yaml, and for `function_subnets`: those from which hosts reach the world"
  value       = [for zone in local.zones : var.nat == "none" ? aws_subnet.public[zone].id : aws_subnet.private[zone].id]
}

output "security_group_shared" {
  description = "For `pools.NAME.security_groups` of pools whose jobs share hosts, and for `function_security_groups`"
  value       = aws_security_group.hosts["shared"].id
}

output "security_group_exclusive" {
  description = "For `pools.NAME.security_groups` of pools with one job an instance"
  value       = aws_security_group.hosts["exclusive"].id
}

output "egress_addresses" {
  description = "Addresses from which GitHub and others see hosts and functions, for their allow lists; none without NAT"
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "interface_endpoint_ids" {
  description = "Ids of the interface endpoints by service: that of `execute-api` for `vpc_endpoint_ids`"
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}

output "public_subnets" {
  description = "Subnets with a route to the internet gateway"
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "private_subnets" {
  description = "Subnets without one"
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}
