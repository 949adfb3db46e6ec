#!/usr/bin/env bash
# What must stand before Docker runs a container: kernel settings, firewall, the sysfs that inner containers mount from.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly CLEAN_SYSFS=/run/nested/sys

mkdir -p /run/slipway
modprobe -a overlay br_netfilter nf_tables 2>/dev/null || true # built in, or loaded by Docker later
sysctl --quiet --ignore --load="$here/sysctl.conf"
nft --file "$here/guards.nft"

# A sysfs with nothing mounted under it, of an empty network: the kernel lets a user namespace mount its own only where it
# sees a whole one [KERNEL-FULLY-VISIBLE], and a container's is masked in part. Nothing in it can be written from a job.
mkdir -p "$CLEAN_SYSFS"
mountpoint -q "$CLEAN_SYSFS" || unshare --net mount -t sysfs -o nosuid,nodev,noexec sysfs "$CLEAN_SYSFS"
