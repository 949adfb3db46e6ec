# The network, before anything else: apply this first and paste its outputs into slipway.yaml.

provider "aws" {
  region = var.region
}

module "network" {
  source = "../../modules/network"

  name = "slipway"
  nat  = "single"

  interface_endpoints = var.interface_endpoints

  tags = {
    project = "slipway"
  }
}
