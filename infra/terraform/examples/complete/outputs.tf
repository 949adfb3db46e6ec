output "webhook_url" {
  description = "For the enterprise's webhook: `terraform output webhook_url`"
  value       = module.slipway.webhook_url
  sensitive   = true
}

output "claim_url" {
  description = "What containers call"
  value       = module.slipway.claim_url
}

output "secret_arns" {
  description = "Secrets to fill"
  value       = module.slipway.secret_arns
}

output "alarm_topic_arn" {
  description = "For more subscriptions"
  value       = module.slipway.alarm_topic_arn
}

output "pools" {
  description = "What was made for each pool"
  value       = module.slipway.pools
}
