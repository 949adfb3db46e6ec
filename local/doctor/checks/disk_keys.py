"""May the scaler launch hosts whose disks are encrypted by the key that they are encrypted by?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.findings import Check, Look, Verdict, failed, ok
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Pool

_OF_AWS = "alias/aws/ebs"  # which whoever may launch may use


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    for region, pools in surroundings.pools_by_region().items():
        yield Look(region, partial(_judge, surroundings, region, pools))


def _judge(surroundings: Surroundings, region: str, pools: list[Pool]) -> Iterator[Verdict]:
    """Disks are encrypted always; by the account's default key where a pool names none [EC2-DISK-KEY]."""
    untold = [f"pools.{pool.name}.disk_key" for pool in pools if pool.disk_key is None]
    if not untold:
        yield ok("every pool names the key of its disks")
        return
    default = surroundings.account.ec2(region).get_ebs_default_kms_key_id()["KmsKeyId"]
    if default == _OF_AWS:
        yield ok("disks are encrypted by AWS's own key, but where a pool names another")
        return
    yield failed(
        "disk-key-not-told",
        f"the account's key for disks here is {default}, of which Slipway knows nothing: hosts end as soon as"
        " they are launched (Client.InvalidKMSKey.InvalidState, Client.InternalError)",
        f"name it in slipway.yaml ({', '.join(untold)}), build and deploy; its own policy must let EC2 use it",
    )


CHECK = Check(
    name="disk-keys",
    about="the scaler may use the key by which each region's disks are encrypted, if it is not AWS's own",
    permissions=("ec2:GetEbsDefaultKmsKeyId",),
    looks=_looks,
)
