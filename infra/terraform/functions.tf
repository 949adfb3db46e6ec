# The functions. Memory, timeout and settings are those of functions/NAME/README.md, the policy follows from
# slipway.yaml; a function that slipway.yaml has no use for is not rendered, and not deployed.

locals {
  functions = {
    webhook = {
      description     = "Takes GitHub's deliveries, queues the job events that a profile serves"
      memory_mib      = 512
      timeout_seconds = 9
      uses_layers     = false # nothing beyond the standard library: it starts in a tenth of a second
      runs_alone      = false
    }
    scaler = {
      description     = "Folds events into the ledger, converges the pools that they touch"
      memory_mib      = 512
      timeout_seconds = 60
      uses_layers     = true
      runs_alone      = false
    }
    registrar = {
      description     = "Answers a container's claim with the JIT config of a waiting job"
      memory_mib      = 512
      timeout_seconds = 29 # what API Gateway waits
      uses_layers     = true
      runs_alone      = false
    }
    reaper = {
      description     = "Compares GitHub, ECS, EC2 and the ledger, and removes what is stale"
      memory_mib      = 512
      timeout_seconds = 60
      uses_layers     = true
      runs_alone      = true
    }
    redelivery = {
      description     = "Has GitHub send lost deliveries again, looks for jobs that none told of"
      memory_mib      = 256
      timeout_seconds = 60
      uses_layers     = true
      runs_alone      = true
    }
    environments = {
      description     = "Makes environments of pull requests what they should be"
      memory_mib      = 512
      timeout_seconds = 120
      uses_layers     = true
      runs_alone      = false
    }
  }

  # Apart from the above, from which the queues take the scaler's timeout.
  environment_variables = {
    webhook = merge(
      { SLIPWAY_JOBS_QUEUE_URL = aws_sqs_queue.jobs.url },
      { for queue in aws_sqs_queue.environments : "SLIPWAY_ENVIRONMENTS_QUEUE_URL" => queue.url },
    )
    scaler = {
      SLIPWAY_TABLE                  = aws_dynamodb_table.this.name
      SLIPWAY_JOBS_QUEUE_URL         = aws_sqs_queue.jobs.url
      SLIPWAY_EVENTS_QUEUE_URL       = aws_sqs_queue.events.url
      SLIPWAY_DEAD_LETTERS_QUEUE_URL = aws_sqs_queue.dead_letters.url
      SLIPWAY_LEASE_SECONDS          = "120" # at least twice the timeout: a lease outlives its holder
    }
    registrar = {
      SLIPWAY_TABLE            = aws_dynamodb_table.this.name
      SLIPWAY_EVENTS_QUEUE_URL = aws_sqs_queue.events.url
      SLIPWAY_ACCOUNT_ID       = local.account_id
    }
    reaper = {
      SLIPWAY_TABLE            = aws_dynamodb_table.this.name
      SLIPWAY_EVENTS_QUEUE_URL = aws_sqs_queue.events.url
    }
    redelivery = {
      SLIPWAY_TABLE          = aws_dynamodb_table.this.name
      SLIPWAY_JOBS_QUEUE_URL = aws_sqs_queue.jobs.url
    }
    environments = {
      SLIPWAY_TABLE                  = aws_dynamodb_table.this.name
      SLIPWAY_ENVIRONMENTS_QUEUE_URL = one(aws_sqs_queue.environments[*].url)
      SLIPWAY_DEAD_LETTERS_QUEUE_URL = aws_sqs_queue.dead_letters.url
      SLIPWAY_LEASE_SECONDS          = "120" # its timeout: nobody else works before it is over
    }
  }

  layers = {
    core   = "Slipway"
    vendor = "Third-party packages of Slipway"
  }
}

module "functions" {
  source   = "./modules/function"
  for_each = local.rendered.functions

  name        = "${local.deployment}-${each.key}"
  role_name   = "${local.deployment}-${each.key}-${local.region}" # roles are an account's, not a region's
  description = local.functions[each.key].description
  handler     = "functions.${each.key}.handler.lambda_handler"

  package = {
    path   = "${var.build}/functions/${each.key}.zip"
    sha256 = local.manifest.packages["functions/${each.key}.zip"].sha256
  }
  layers = local.functions[each.key].uses_layers ? [for name in keys(local.layers) : aws_lambda_layer_version.this[name].arn] : []

  memory_mib           = local.functions[each.key].memory_mib
  timeout_seconds      = local.functions[each.key].timeout_seconds
  environment          = local.environment_variables[each.key]
  reserved_concurrency = local.functions[each.key].runs_alone && var.reserve_concurrency ? 1 : null

  policy               = jsonencode(local.description.functions[each.key].policy)
  permissions_boundary = var.permissions_boundary

  subnets         = var.function_subnets
  security_groups = var.function_security_groups

  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

resource "aws_lambda_layer_version" "this" {
  for_each = local.layers

  layer_name  = "${local.deployment}-${each.key}"
  description = each.value

  filename                 = "${var.build}/layers/${each.key}.zip"
  source_code_hash         = filebase64sha256("${var.build}/layers/${each.key}.zip")
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]

  lifecycle {
    # The functions move to the new one before the former goes.
    create_before_destroy = true

    precondition {
      condition     = filesha256("${var.build}/layers/${each.key}.zip") == local.manifest.packages["layers/${each.key}.zip"].sha256
      error_message = "${var.build}/layers/${each.key}.zip is not the package that the build's manifest names: run `make build` again."
    }
  }
}

# What wakes the scaler. The mappings bound their own concurrency: a reserved one would turn throttles into dead letters.
resource "aws_lambda_event_source_mapping" "scaler" {
  for_each = {
    jobs   = aws_sqs_queue.jobs.arn
    events = aws_sqs_queue.events.arn
  }

  function_name    = module.functions["scaler"].arn
  event_source_arn = each.value

  batch_size                         = 10
  maximum_batching_window_in_seconds = 0
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 10
  }

  tags = var.tags
}
