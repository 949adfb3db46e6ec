# The secrets that slipway.yaml names without bringing them, created empty: their values are put in by hand, and no state
# ever holds one.

resource "aws_secretsmanager_secret" "this" {
  for_each = local.rendered.secrets

  name        = each.key
  description = "Of ${local.deployment}; read by ${join(", ", each.value.readers)}"
  kms_key_id  = var.kms_key_arn

  tags = var.tags
}

# Whoever else in the account may read every secret may not read these.
resource "aws_secretsmanager_secret_policy" "this" {
  for_each = local.rendered.secrets

  secret_arn = aws_secretsmanager_secret.this[each.key].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheseRead"
      Effect    = "Deny"
      Principal = "*"
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
      Condition = {
        ArnNotEquals = { "aws:PrincipalArn" = [for reader in each.value.readers : module.functions[reader].role_arn] }
      }
    }]
  })
}
