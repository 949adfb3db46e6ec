output "webhook_url" {
  description = "For the App's webhook: `terraform output webhook_url`"
  value       = module.slipway.webhook_url
  sensitive   = true
}

output "secret_arns" {
  description = "Secrets to fill"
  value       = module.slipway.secret_arns
}

output "role_arns" {
  description = "For `role-to-assume` in the workflows: diff in pull requests, apply in the environment"
  value       = { for name, role in aws_iam_role.workflow : name => role.arn }
}

output "preflight" {
  description = "Arguments of `slipway doctor`, by pool: whether its subnets reach GitHub and its cluster"
  value = {
    for name, function in aws_lambda_function.reach : name =>
    "--reach ${function.arn} --target ${trimprefix(data.aws_eks_cluster.this[name].endpoint, "https://")}:443"
  }
}
