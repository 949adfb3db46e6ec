output "task_policy" {
  description = "For `pools.build.task_policy` in slipway.yaml"
  value       = aws_iam_policy.build.arn
}

output "workflow" {
  description = "For `env` in the build workflow"
  value = {
    REGISTRY    = "${local.account_id}.dkr.ecr.${local.region}.${data.aws_partition.this.dns_suffix}"
    RECORDS     = aws_s3_bucket.records.bucket
    SIGNING_KEY = aws_kms_alias.signing.name
  }
}

output "builder" {
  description = "The one role that may push, sign and record: the task role of the pool"
  value       = local.builder
}
