variable "region" {
  description = "Region of the network"
  type        = string
  default     = "ap-northeast-1"
  nullable    = false
}

variable "interface_endpoints" {
  description = "`[\"execute-api\"]` for a private claim API"
  type        = set(string)
  default     = []
  nullable    = false
}
