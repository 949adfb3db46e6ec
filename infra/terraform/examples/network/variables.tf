variable "region" {
  description = "Region of the network"
  type        = string
  default     = "ap-northeast-1"
  nullable    = false
}
