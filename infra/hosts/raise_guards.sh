#!/usr/bin/env bash
# What must stand before Docker runs a container: kernel settings, firewall, the sysfs that inner containers mount from.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
source /etc/slipway/host.env
readonly CLEAN_SYSFS=/run/nested/sys

mkdir -p /run/slipway
modprobe -a overlay br_netfilter nf_tables 2>/dev/null || true # built in, or loaded by Docker later

# Raised, never lowered: an image may be stricter. What cannot be raised is named by the preflight.
while read -r name _ wanted; do
  setting=/proc/sys/${name//.//}
  [[ $name && $name != "#"* && -e $setting ]] || continue
  # At 1 it is shut for good, and 2, which is shut until root opens it, can no longer be written.
  [[ $name == kernel.unprivileged_bpf_disabled && $(<"$setting") == 1 ]] && continue
  (($(<"$setting") >= wanted)) || echo "$wanted" >"$setting" || true
done <"$here/sysctl.conf"

nft --file "$here/guards.nft"
# An awsvpc task reaches its credentials by a veth on ecs-bridge [ECS-INIT-CREDENTIALS-ROUTE], which belongs to no container
# that Docker connects: it would be mute for ever. Only privileged tasks are awsvpc, and they are alone on their host. That
# bridge cannot be told from docker0 in a rule: not every kernel has `meta ibrname`.
[[ ${SLIPWAY_DOCKER:-} != privileged ]] || nft flush chain bridge slipway neighbours

# A sysfs with nothing mounted under it, of an empty network: the kernel lets a user namespace mount its own only where it
# sees a whole one [KERNEL-FULLY-VISIBLE], and a container's is masked in part. Nothing in it can be written from a job.
mkdir -p "$CLEAN_SYSFS"
mountpoint -q "$CLEAN_SYSFS" || unshare --net mount -t sysfs -o nosuid,nodev,noexec sysfs "$CLEAN_SYSFS"
