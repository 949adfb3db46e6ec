variable "region" {
  description = "Region of the pool, which may be another than the provider's"
  type        = string
  nullable    = false
}

variable "cluster" {
  description = "Name of the ECS cluster"
  type        = string
  nullable    = false
}

variable "container_insights" {
  description = "CloudWatch Container Insights of the cluster: disabled, enabled or enhanced"
  type        = string
  default     = "disabled"
  nullable    = false
}

variable "log_group" {
  description = "Name of the log group of the runner containers"
  type        = string
  nullable    = false
}

variable "roles" {
  description = "The roles `task`, `execution` and `instance`: each one's name, trust policy and policy (JSON), and ARNs of policies to attach"
  type = map(object({
    name              = string
    trust_policy      = string
    policy            = string
    attached_policies = optional(list(string), [])
  }))
  nullable = false

  validation {
    condition     = toset(keys(var.roles)) == toset(["execution", "instance", "task"])
    error_message = "roles are task, execution and instance"
  }

  validation {
    condition     = alltrue([for role in var.roles : length(role.name) <= 64])
    error_message = "IAM takes role names of 64 characters. Give the deployment or the pool a shorter name."
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds the roles"
  type        = string
  default     = null
}

variable "launch_template" {
  description = "Name of the launch template"
  type        = string
  nullable    = false
}

variable "image_parameter" {
  description = "AWS's public parameter that names the image of the first version; the reaper makes the later ones"
  type        = string
  nullable    = false
}

variable "security_groups" {
  description = "Security groups of the instances"
  type        = list(string)
  nullable    = false
}

variable "user_data" {
  description = "User data of the instances, in base64"
  type        = string
  nullable    = false
}

variable "root_volume_gib" {
  description = "Size of the disk of system and images"
  type        = number
  nullable    = false
}

variable "data_volume_gib" {
  description = "Size of a second, empty disk; none: there is no second one"
  type        = number
  default     = null
}

variable "disk_key_arn" {
  description = "Key of the disks, of the same region; none: the account's default. Whoever launches needs permissions on it"
  type        = string
  default     = null
}

variable "task_definitions" {
  description = "Task definitions of the pool's profiles, by profile; `container_definitions` are JSON"
  type = map(object({
    family                   = string
    requires_compatibilities = list(string)
    network_mode             = string
    cpu                      = string
    memory                   = string
    placement_constraints    = list(object({ type = string, expression = string }))
    volumes = list(object({
      name          = string
      host_path     = optional(string)
      docker_volume = optional(object({ scope = string, driver = string, driverOpts = optional(map(string)) }))
    }))
    container_definitions = string
  }))
  nullable = false
}

variable "kms_key_arn" {
  description = "Key for the log group, of the same region"
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days for which the containers' logs are kept"
  type        = number
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that is created here"
  type        = map(string)
  default     = {}
  nullable    = false
}
