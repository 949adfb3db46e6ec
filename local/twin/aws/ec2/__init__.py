"""Amazon EC2: launch templates, instant fleets, and the lives of instances."""

from local.twin.aws.ec2.lifecycle import BootPlan
from local.twin.aws.ec2.service import Ec2
from local.twin.aws.ec2.user_data import ecs_user_data

__all__ = ["BootPlan", "Ec2", "ecs_user_data"]
