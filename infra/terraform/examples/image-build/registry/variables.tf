variable "repositories" {
  description = "Repositories whose images are built, OWNER/NAME in lower case"
  type        = set(string)
  default     = ["acme/web", "acme/api"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z0-9-]+/[a-z0-9._-]+$", name))])
    error_message = "repositories are OWNER/NAME in lower case, as ECR names them"
  }
}

variable "kept_days" {
  description = "Days for which records, reports and build logs are kept, and cannot be removed"
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.kept_days >= 1
    error_message = "kept_days is 1 at least"
  }
}
