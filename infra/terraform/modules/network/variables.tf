variable "name" {
  description = "Name of the VPC, and beginning of the names in it"
  type        = string
  default     = "slipway"
  nullable    = false
}

variable "region" {
  description = "Region of the VPC; none: the provider's. Pools in several regions need a network in each"
  type        = string
  default     = null
}

variable "cidr_block" {
  description = "Addresses of the VPC. Half goes to each kind of subnet; a host has one address, and one more for each task of `docker: privileged`"
  type        = string
  default     = "10.64.0.0/18"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr_block, 0)) && try(tonumber(split("/", var.cidr_block)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr_block)[1]), 99) <= 24
    error_message = "cidr_block is an IPv4 block of /16 to /24"
  }
}

variable "zones" {
  description = "How many availability zones. More zones are more Spot capacity to choose from"
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([2, 3, 4], var.zones)
    error_message = "zones is 2, 3 or 4"
  }
}

variable "nat" {
  description = "`single`: one NAT gateway and one address for all zones; `per_zone`: one in each, so that no zone depends on another's; `none`: hosts are in the public subnets, with changing addresses. Tasks of `docker: privileged` need NAT, since their own network interface gets no public address"
  type        = string
  default     = "single"
  nullable    = false

  validation {
    condition     = contains(["single", "per_zone", "none"], var.nat)
    error_message = "nat is single, per_zone or none"
  }
}

variable "interface_endpoints" {
  description = "Services of AWS that are reached without leaving the VPC, such as `execute-api` for a private claim API, or `ecr.api`, `ecr.dkr`, `ecs`, `ecs-agent`, `ecs-telemetry` and `logs` for hosts without a way to the internet. Each has private DNS but `execute-api`, with which jobs would call no public API there. Each is billed by the hour and zone"
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service)) && !startswith(service, "com.")])
    error_message = "interface_endpoints are names of services as they end: execute-api, ecr.api, logs"
  }
}

variable "tags" {
  description = "Tags of everything that is created here"
  type        = map(string)
  default     = {}
  nullable    = false
}
