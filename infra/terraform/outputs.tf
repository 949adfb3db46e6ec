output "deployment" {
  description = "Name of the deployment, with which the names of everything begin"
  value       = local.deployment
}

output "webhook_url" {
  description = "Address of GitHub's webhook. Whoever knows it can send floods, and nothing else"
  value       = "${aws_apigatewayv2_api.webhook.api_endpoint}/webhook/${var.webhook_path}"
  sensitive   = true
}

output "claim_url" {
  description = "Base address of the claim API"
  value       = local.claim_url
}

output "secret_arns" {
  description = "ARNs of the secrets that wait for their values, by name"
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "function_names" {
  description = "Names of the functions, by what they do"
  value       = { for name, function in module.functions : name => function.name }
}

output "queue_urls" {
  description = "Addresses of the queues, by what they hold"
  value = merge(
    {
      jobs         = aws_sqs_queue.jobs.url
      events       = aws_sqs_queue.events.url
      dead_letters = aws_sqs_queue.dead_letters.url
    },
    { for queue in aws_sqs_queue.environments : "environments" => queue.url },
  )
}

output "table_name" {
  description = "Name of the ledger's table"
  value       = aws_dynamodb_table.this.name
}

output "alarm_topic_arn" {
  description = "ARN of the topic that alarms tell; none without alarms"
  value       = one(aws_sns_topic.alarms[*].arn)
}

output "pools" {
  description = "Region, cluster, launch template and log group of each pool"
  value = {
    for name, pool in module.pools : name => {
      region          = pool.region
      cluster         = pool.cluster
      launch_template = pool.launch_template
      log_group       = pool.log_group
    }
  }
}
