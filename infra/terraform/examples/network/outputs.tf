output "subnets" {
  description = "Of pools and functions"
  value       = module.network.subnets
}

output "security_group_shared" {
  description = "Of pools whose jobs share hosts, and of functions"
  value       = module.network.security_group_shared
}

output "security_group_exclusive" {
  description = "Of pools with one job an instance"
  value       = module.network.security_group_exclusive
}

output "egress_addresses" {
  description = "For allow lists"
  value       = module.network.egress_addresses
}

output "interface_endpoint_ids" {
  description = "For `vpc_endpoint_ids` of the deployment"
  value       = module.network.interface_endpoint_ids
}
