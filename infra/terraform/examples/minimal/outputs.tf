output "webhook_url" {
  description = "For the webhook of the App or the organization: `terraform output webhook_url`"
  value       = module.slipway.webhook_url
  sensitive   = true
}

output "secret_arns" {
  description = "Secrets to fill: `aws secretsmanager put-secret-value --secret-id …`"
  value       = module.slipway.secret_arns
}
