output "webhook_url" {
  description = "For the App's webhook: `terraform output webhook_url`"
  value       = module.slipway.webhook_url
  sensitive   = true
}

output "secret_arns" {
  description = "Secrets to fill"
  value       = module.slipway.secret_arns
}
