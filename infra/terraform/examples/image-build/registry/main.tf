# What images are pushed to, signed with and recorded in, and the one role that may. Applied before the runners, whose task
# role gets the policy `images-build` by slipway.yaml (task_policy).
#
#   terraform -chdir=infra/terraform/examples/image-build/registry init
#   terraform -chdir=infra/terraform/examples/image-build/registry apply

provider "aws" {
  region = "ap-northeast-1"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.region

  # The task role of the pool `build` in slipway.yaml, which is made later: names of roles are known before. A condition on
  # `aws:PrincipalArn` needs no role that is there already, as a principal would.
  builder = "arn:${local.partition}:iam::${local.account_id}:role/images-build-task-${local.region}"

  not_the_builder = { ArnNotEquals = { "aws:PrincipalArn" = local.builder } }

  push = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
  ]
  pull = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
  ]
}

# A repository for each team's, by its name on GitHub: which one a build pushes to is not the caller's choice.
resource "aws_ecr_repository" "image" {
  for_each = var.repositories

  name                 = "images/${each.value}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

# The copy of the scanner's image, which the build workflow names by its digest. Filled by people, not by builds.
resource "aws_ecr_repository" "scanner" {
  name                 = "mirror/trivy"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

# What is denied here no policy of the account's can allow, an administrator's neither.
resource "aws_ecr_repository_policy" "push" {
  for_each = aws_ecr_repository.image

  repository = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "NobodyButTheBuilderPushes"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = local.push
        Condition = local.not_the_builder
      },
      {
        Sid       = "TheBuilderRemovesNothing"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.builder } }
      },
    ]
  })
}

# The signing key, whose private half never leaves KMS.
resource "aws_kms_key" "signing" {
  description              = "Signs images that the build workflow made"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheAccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "NobodyButTheBuilderSigns"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:Sign", "kms:CreateGrant"]
        Resource  = "*"
        Condition = local.not_the_builder
      },
    ]
  })
}

resource "aws_kms_alias" "signing" {
  name          = "alias/images-signing"
  target_key_id = aws_kms_key.signing.key_id
}

# Records: written once, read by auditors, removed by nobody before their time, the account's root neither.
resource "aws_s3_bucket" "records" {
  bucket              = "images-records-${local.account_id}"
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "records" {
  bucket = aws_s3_bucket.records.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "records" {
  bucket = aws_s3_bucket.records.id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.kept_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.records]
}

resource "aws_s3_bucket_lifecycle_configuration" "records" {
  bucket = aws_s3_bucket.records.id

  rule {
    id     = "when-their-time-is-over"
    status = "Enabled"

    filter {}

    expiration {
      days = var.kept_days + 1
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.records]
}

resource "aws_s3_bucket_public_access_block" "records" {
  bucket = aws_s3_bucket.records.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "records" {
  bucket = aws_s3_bucket.records.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_policy" "records" {
  bucket = aws_s3_bucket.records.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "NobodyButTheBuilderWrites"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.records.arn}/*"
        Condition = local.not_the_builder
      },
      {
        # A second record of the same run would be a second version, and the one that is shown.
        Sid       = "NoRecordIsWrittenOver"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.records.arn}/*/record.json"
        Condition = { Null = { "s3:if-none-match" = "true" } }
      },
      {
        Sid       = "OnlyByTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.records.arn, "${aws_s3_bucket.records.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# What the task role of the builds may do. There is no user and no key.
resource "aws_iam_policy" "build" {
  name        = "images-build"
  description = "Push, sign and record: for the task role of the build pool alone"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "PushAndPull"
        Effect   = "Allow"
        Action   = concat(local.push, local.pull)
        Resource = [for repository in aws_ecr_repository.image : repository.arn]
      },
      {
        Sid      = "PullTheScanner"
        Effect   = "Allow"
        Action   = local.pull
        Resource = aws_ecr_repository.scanner.arn
      },
      {
        Sid       = "Sign"
        Effect    = "Allow"
        Action    = "kms:Sign"
        Resource  = aws_kms_key.signing.arn
        Condition = { StringEquals = { "kms:SigningAlgorithm" = "ECDSA_SHA_256" } }
      },
      {
        Sid      = "Record"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${aws_s3_bucket.records.arn}/images/*"
      },
    ]
  })
}
