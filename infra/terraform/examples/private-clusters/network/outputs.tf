output "pools" {
  description = "For `pools.NAME` in slipway.yaml"
  value = {
    for name, network in var.networks : name => {
      region          = network.region
      subnets         = network.subnets
      security_groups = [aws_security_group.hosts[name].id]
    }
  }
}

output "egress_addresses" {
  description = "Addresses from which others see each pool's runners, for their allow lists"
  value = {
    for name in keys(var.networks) : name => sort([
      for key, gateway in local.gateways : data.aws_nat_gateway.this[key].public_ip if gateway.network == name
    ])
  }
}
