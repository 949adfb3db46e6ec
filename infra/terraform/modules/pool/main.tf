# A pool: an ECS cluster of its own, what its instances start from, and the task definitions of its profiles. The instances
# themselves are started and ended by the scaler.

################################################################################
# Cluster
################################################################################

resource "aws_ecs_cluster" "this" {
  region = var.region

  name = var.cluster

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  tags = var.tags
}

# Of the runner containers.
resource "aws_cloudwatch_log_group" "this" {
  region = var.region

  name              = var.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

################################################################################
# Roles: what a job holds, what ECS holds for it, what its host holds
################################################################################

resource "aws_iam_role" "this" {
  for_each = var.roles

  name                 = each.value.name
  description          = "Role of the ${each.key} in the cluster ${var.cluster}"
  assume_role_policy   = each.value.trust_policy
  permissions_boundary = var.permissions_boundary

  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles

  name   = "slipway"
  role   = aws_iam_role.this[each.key].name
  policy = each.value.policy
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = merge([
    for kind, role in var.roles : { for arn in role.attached_policies : "${kind}/${arn}" => { kind = kind, arn = arn } }
  ]...)

  role       = aws_iam_role.this[each.value.kind].name
  policy_arn = each.value.arn
}

resource "aws_iam_instance_profile" "this" {
  name = var.roles["instance"].name
  role = aws_iam_role.this["instance"].name

  tags = var.tags
}

################################################################################
# Launch template
################################################################################

locals {
  # Bottlerocket's first disk is its own, of the image's size and never written; images and containers are on its second.
  # Another host finds the disk that is empty, whatever it is called there.
  is_bottlerocket = startswith(var.image_parameter, "/aws/service/bottlerocket/")
  disks = local.is_bottlerocket ? [
    { device = "/dev/xvda", gib = null },
    { device = "/dev/xvdb", gib = var.root_volume_gib },
    ] : concat(
    [{ device = "/dev/xvda", gib = var.root_volume_gib }],
    var.data_volume_gib == null ? [] : [{ device = "/dev/sdf", gib = var.data_volume_gib }],
  )
}

data "aws_ssm_parameter" "image" {
  region = var.region

  name = var.image_parameter
}

resource "aws_launch_template" "this" {
  region = var.region

  name        = var.launch_template
  description = "Hosts of the cluster ${var.cluster}"
  image_id    = data.aws_ssm_parameter.image.insecure_value
  user_data   = var.user_data

  # For hosts that power off before their first task and wait so. Used ones are terminated, never stopped.
  instance_initiated_shutdown_behavior = "stop"

  vpc_security_group_ids = var.security_groups

  iam_instance_profile {
    name = aws_iam_instance_profile.this.name
  }

  # One hop: a container's packet does not come so far, whatever else fails.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled" # tells a host whether it is of the stopped tier
  }

  monitoring {
    enabled = false
  }

  dynamic "block_device_mappings" {
    for_each = local.disks

    content {
      device_name = block_device_mappings.value.device

      ebs {
        volume_type           = "gp3"
        volume_size           = block_device_mappings.value.gib
        encrypted             = "true"
        kms_key_id            = var.disk_key_arn # none: the account's default [EC2-DISK-KEY]
        delete_on_termination = "true"
      }
    }
  }

  tags = var.tags

  lifecycle {
    # The reaper makes a version for each of Amazon's releases that has proven itself (docs/currency.md).
    ignore_changes = [image_id]
  }
}

################################################################################
# Task definitions
################################################################################

resource "aws_ecs_task_definition" "this" {
  for_each = var.task_definitions

  region = var.region

  family                   = each.value.family
  requires_compatibilities = each.value.requires_compatibilities
  network_mode             = each.value.network_mode
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  task_role_arn            = aws_iam_role.this["task"].arn
  execution_role_arn       = aws_iam_role.this["execution"].arn
  container_definitions    = each.value.container_definitions

  dynamic "placement_constraints" {
    for_each = each.value.placement_constraints

    content {
      type       = placement_constraints.value.type
      expression = placement_constraints.value.expression
    }
  }

  dynamic "volume" {
    for_each = each.value.volumes

    content {
      name      = volume.value.name
      host_path = volume.value.host_path

      dynamic "docker_volume_configuration" {
        for_each = volume.value.docker_volume == null ? [] : [volume.value.docker_volume]

        content {
          scope       = docker_volume_configuration.value.scope
          driver      = docker_volume_configuration.value.driver
          driver_opts = docker_volume_configuration.value.driverOpts
        }
      }
    }
  }

  tags = var.tags

  # A family whose only revision was deregistered starts no task: the next one comes first.
  lifecycle {
    create_before_destroy = true
  }
}
