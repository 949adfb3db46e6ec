################################################################################
# What is deployed
################################################################################

variable "build" {
  description = "Folder that `make build` wrote, `build/deployment`: the functions' packages and what follows from `slipway.yaml`"
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.build}/deployment.json") && fileexists("${var.build}/manifest.json")
    error_message = "No build in ${var.build}: make one with `make build CONFIG=slipway.yaml`."
  }

  validation {
    condition = try(
      jsondecode(file("${var.build}/deployment.json")).version == 1 && jsondecode(file("${var.build}/manifest.json")).version == 1,
      !fileexists("${var.build}/deployment.json") # said above
    )
    error_message = "The build in ${var.build} has another version than this module: take both from one commit of Slipway, and run `make build CONFIG=slipway.yaml` again."
  }

  # What this module would pass over in silence might be what keeps a job in its container.
  validation {
    condition = try(alltrue([
      for definition in values(jsondecode(file("${var.build}/deployment.json")).task_definitions) :
      length(setsubtract(keys(definition), [
        "region", "family", "requiresCompatibilities", "networkMode", "cpu", "memory", "taskRoleArn",
        "executionRoleArn", "placementConstraints", "containerDefinitions", "volumes",
      ])) == 0
    ]), !fileexists("${var.build}/deployment.json"))
    error_message = "The build in ${var.build} has task definitions with fields that this module does not know: take both from one commit of Slipway."
  }
}

variable "configuration" {
  description = "Path of the `slipway.yaml` that the build was made from; the plan fails when it has changed since"
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.configuration)
    error_message = "No file ${var.configuration}."
  }

  validation {
    condition = try(alltrue([
      for made in ["deployment.json", "manifest.json"] :
      jsondecode(file("${var.build}/${made}")).configuration_sha256 == filesha256(var.configuration)
    ]), true) # without a build or a file there is nothing to compare, and that is said already
    error_message = "${var.configuration} is not what the build in ${var.build} was made from. Run `make build CONFIG=${var.configuration}`, which names each fault by path and reason, and plan again."
  }
}

################################################################################
# APIs
################################################################################

variable "webhook_path" {
  description = "Last part of the webhook's address, which nobody can guess: `openssl rand -hex 16`. Not a secret in the strict sense, since deliveries are signed; it keeps floods out"
  type        = string
  sensitive   = true
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{16,128}$", var.webhook_path))
    error_message = "webhook_path has 16 to 128 of the characters A-Z a-z 0-9 _ -"
  }
}

variable "webhook_throttle" {
  description = "Deliveries of GitHub at once and a second; what is over them is answered 429 and counts as a failed delivery"
  type = object({
    burst = optional(number, 500)
    rate  = optional(number, 200)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.webhook_throttle.burst >= 1 && var.webhook_throttle.rate >= 1
    error_message = "burst and rate are at least 1"
  }
}

variable "api" {
  description = "`public`: containers claim at an HTTP API on the internet, signed with their task's role. `private`: at a REST API that only `vpc_endpoint_ids` reach, for tasks without a way to the internet"
  type        = string
  default     = "public"
  nullable    = false

  validation {
    condition     = contains(["public", "private"], var.api)
    error_message = "api is public or private"
  }
}

variable "vpc_endpoint_ids" {
  description = "Interface endpoints for `execute-api` by which a private claim API is called. With one, containers call it by its own name; with several, by the API's, which needs private DNS on each"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (length(var.vpc_endpoint_ids) > 0) == (var.api == "private")
    error_message = "vpc_endpoint_ids belong to api = \"private\", which needs at least one"
  }

  validation {
    condition     = alltrue([for id in var.vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]{8,17}$", id))])
    error_message = "vpc_endpoint_ids are ids like vpce-0a1b2c3d4e5f60001"
  }
}

variable "claim_throttle" {
  description = "Claims of containers at once and a second; what is over them is answered 429, and the containers ask again"
  type = object({
    burst = optional(number, 200)
    rate  = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.claim_throttle.burst >= 1 && var.claim_throttle.rate >= 1
    error_message = "burst and rate are at least 1"
  }
}

################################################################################
# Functions
################################################################################

variable "function_subnets" {
  description = "Subnets in which the functions run, for a GitHub server that only a VPC reaches. They need a way to it and to AWS's APIs. Empty: outside of any VPC"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "function_security_groups" {
  description = "Security groups of the functions; required with `function_subnets`"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (length(var.function_subnets) > 0) == (length(var.function_security_groups) > 0)
    error_message = "function_subnets and function_security_groups go together"
  }
}

variable "reserve_concurrency" {
  description = "Whether reaper and redelivery have a concurrency of one reserved. A new account may have too little to reserve any: false there"
  type        = bool
  default     = true
  nullable    = false
}

################################################################################
# Pools
################################################################################

variable "root_volume_gib" {
  description = "Size of the disk on which a host has its system, images and, without a data volume, the jobs' files"
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.root_volume_gib >= 30 && var.root_volume_gib <= 16384
    error_message = "root_volume_gib is 30, the size of the ECS-optimized image, to 16384"
  }
}

variable "data_volume_gib" {
  description = "Size of the second disk that hosts of pools with a `disk_quota` have for images and jobs' files: as much as the containers of one host may write together"
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.data_volume_gib >= 10 && var.data_volume_gib <= 16384
    error_message = "data_volume_gib is 10 to 16384"
  }
}

variable "container_insights" {
  description = "CloudWatch Container Insights of the pools' clusters, which CloudWatch bills by metric"
  type        = string
  default     = "disabled"
  nullable    = false

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is disabled, enabled or enhanced"
  }
}

variable "create_spot_role" {
  description = "Whether the service-linked role AWSServiceRoleForEC2Spot is created, which is the account's and stays there (README.md). Only in an account that has never used Spot; `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com` does the same"
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# Data
################################################################################

variable "kms_key_arn" {
  description = "A key of yours for queues, table, secrets, log groups, alarms and the functions' environment; its policy must let the services use it (README.md). Default: AWS's own keys"
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, not of an alias"
  }
}

variable "deletion_protection" {
  description = "Whether the ledger's table refuses to be deleted. Set it to false and apply before you remove everything"
  type        = bool
  default     = true
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which the logs of functions and runner containers are kept"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ], var.log_retention_days)
    error_message = "log_retention_days is one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653"
  }
}

################################################################################
# Operators
################################################################################

variable "alarms" {
  description = "Whether alarms, and the topic that they tell, are created"
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_email" {
  description = "Address that the alarms are sent to, once it has confirmed; more subscriptions are made on the topic"
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || (var.alarms && can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email)))
    error_message = "alarm_email is an address, and of no use without alarms"
  }
}

variable "dashboard" {
  description = "Whether a CloudWatch dashboard is created, for 3 USD a month"
  type        = bool
  default     = true
  nullable    = false
}

variable "redrive_role_arns" {
  description = "Roles of people who may move dead letters back to the queues `jobs` and `events`, on which nobody else may send"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.redrive_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "redrive_role_arns are ARNs of IAM roles"
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every role which is created"
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary is the ARN of an IAM policy"
  }
}

variable "tags" {
  description = "Tags of everything that is created here. Instances get theirs from the scaler"
  type        = map(string)
  default     = {}
  nullable    = false
}
