output "region" {
  description = "Region of the pool"
  value       = var.region
}

output "cluster" {
  description = "Name of the ECS cluster"
  value       = aws_ecs_cluster.this.name
}

output "launch_template" {
  description = "Name of the launch template"
  value       = aws_launch_template.this.name
}

output "log_group" {
  description = "Name of the log group of the runner containers"
  value       = aws_cloudwatch_log_group.this.name
}

output "task_role_arn" {
  description = "ARN of the role that the pool's jobs hold"
  value       = aws_iam_role.this["task"].arn
}

output "task_definition_arns" {
  description = "ARNs of the task definitions, by profile"
  value       = { for profile, definition in aws_ecs_task_definition.this : profile => definition.arn }
}
