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

variable "alarm_email" {
  description = "Address that alarms are sent to"
  type        = string
  default     = null
}
