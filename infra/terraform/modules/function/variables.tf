variable "name" {
  description = "Name of the function"
  type        = string
  nullable    = false
}

variable "role_name" {
  description = "Name of its role, one in the whole account"
  type        = string
  nullable    = false

  validation {
    condition     = length(var.role_name) <= 64
    error_message = "IAM takes 64 characters: ${var.role_name} is longer. Give the deployment a shorter name."
  }
}

variable "description" {
  description = "What it does, in one sentence"
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Python function that is called, with its module"
  type        = string
  nullable    = false
}

variable "package" {
  description = "The zip file of its code, and the SHA-256 that it must have, in hexadecimal digits"
  type = object({
    path   = string
    sha256 = string
  })
  nullable = false
}

variable "layers" {
  description = "ARNs of its layers, in order"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "memory_mib" {
  description = "Memory; CPU comes with it"
  type        = number
  nullable    = false
}

variable "timeout_seconds" {
  description = "When Lambda ends an invocation"
  type        = number
  nullable    = false
}

variable "environment" {
  description = "Environment variables. None of them is secret"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "reserved_concurrency" {
  description = "How many invocations there may be at once, taken from what the account has; none: as many as the account has left"
  type        = number
  default     = null
}

variable "policy" {
  description = "What the function may do, a policy document in JSON"
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds the role"
  type        = string
  default     = null
}

variable "subnets" {
  description = "Subnets in which it runs; empty: outside of any VPC"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_groups" {
  description = "Security groups of its network interfaces"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key for its environment and log group, and for what it reads and writes; its role may use it"
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days for which its logs are kept"
  type        = number
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that is created here"
  type        = map(string)
  default     = {}
  nullable    = false
}
