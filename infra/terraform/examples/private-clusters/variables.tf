variable "build" {
  description = "What `make build` wrote"
  type        = string
  default     = "../../../../build/deployment"
  nullable    = false
}

variable "webhook_path" {
  description = "Last part of the webhook's address: `openssl rand -hex 16`"
  type        = string
  sensitive   = true
  nullable    = false
}

variable "clusters" {
  description = "Name of the private EKS cluster of each pool, in the pool's region"
  type        = map(string)
  default = {
    tokyo    = "apps-tokyo"
    virginia = "apps-virginia"
  }
  nullable = false
}

variable "repository" {
  description = "Repository whose workflows may assume the roles, OWNER/NAME"
  type        = string
  default     = "acme/clusters"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is OWNER/NAME, without a wildcard"
  }
}

variable "environment" {
  description = "Environment of the repository whose jobs may apply; give it reviewers, and let only release tags deploy to it"
  type        = string
  default     = "production"
  nullable    = false
}

variable "namespaces" {
  description = "Namespaces that the apply role may change"
  type        = list(string)
  default     = ["apps"]
  nullable    = false
}

variable "oidc_provider_arn" {
  description = "ARN of the account's OIDC provider for token.actions.githubusercontent.com, which it has once. Default: one is created"
  type        = string
  default     = null
}

variable "deploy_reach" {
  description = "Whether the reach functions are deployed, which tell from the pools' subnets what can be reached. Take them away when they have told"
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_email" {
  description = "Address that alarms are sent to"
  type        = string
  default     = null
}
