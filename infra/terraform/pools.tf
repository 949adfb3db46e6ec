# Pools and the task definitions of their profiles: all of it follows from slipway.yaml.

module "pools" {
  source   = "./modules/pool"
  for_each = local.rendered.pools

  region = each.value.region

  cluster            = each.value.cluster
  container_insights = var.container_insights
  log_group          = each.value.log_group

  roles = {
    for kind, role in each.value.roles : kind => {
      name         = role.name
      trust_policy = jsonencode(local.description.pools[each.key].roles[kind].trust_policy)
      policy = replace(
        jsonencode(local.description.pools[each.key].roles[kind].policy), "$${claim_api_id}", local.claim_api_id
      )
      attached_policies = role.attached_policies
    }
  }
  permissions_boundary = var.permissions_boundary

  launch_template = each.value.launch_template
  image_parameter = each.value.image_parameter
  security_groups = each.value.security_groups
  user_data       = each.value.user_data
  root_volume_gib = var.root_volume_gib
  data_volume_gib = each.value.needs_data_volume ? var.data_volume_gib : null
  disk_key_arn    = each.value.disk_key

  task_definitions = {
    for profile, definition in local.description.task_definitions : profile => {
      family                   = definition.family
      requires_compatibilities = definition.requiresCompatibilities
      network_mode             = definition.networkMode
      cpu                      = definition.cpu
      memory                   = definition.memory
      placement_constraints    = definition.placementConstraints
      volumes = [
        for volume in definition.volumes : {
          name          = volume.name
          host_path     = try(volume.host.sourcePath, null)
          docker_volume = try(volume.dockerVolumeConfiguration, null)
        }
      ]
      container_definitions = replace(jsonencode(definition.containerDefinitions), "$${claim_url}", local.claim_url)
    } if contains(local.profiles[each.key], profile)
  }

  # A key is of one region.
  kms_key_arn        = each.value.region == local.region ? var.kms_key_arn : null
  log_retention_days = var.log_retention_days

  # By its tag the scaler's policy knows a launch template: without it nothing is launched, so nobody's tags replace it.
  tags = merge(var.tags, each.value.tags)
}

locals {
  # A task definition names its pool by the task role.
  profiles = {
    for name, pool in local.rendered.pools : name => [
      for profile, definition in local.rendered.task_definitions : profile
      if endswith(definition.taskRoleArn, ":role/${pool.roles.task.name}")
    ]
  }
}
