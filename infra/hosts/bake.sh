#!/usr/bin/env bash
# Bakes what a host would otherwise fetch at its first boot into an image: run it as root, once, on an instance of the
# ECS-optimized Amazon Linux 2023 image that was launched with the pool's own user data, then make the image of it.
#
#   bake.sh IMAGE...       runner images to keep on the disk, by digest
#
# The agent must not have registered: launch with the tag slipway:tier = stopped, whose boot ends before that, start the
# instance again with ecs.service masked, or run this from an image builder. No secret may be on the disk by then.
set -euo pipefail

readonly registered=/var/lib/ecs/data/agent.db
[[ ! -e $registered ]] || { echo "the agent has registered here: every host of the image would claim to be this one" >&2; exit 1; }

command -v nft >/dev/null || dnf install --quiet --assumeyes nftables
/opt/slipway/raise_guards.sh
systemctl start docker
SLIPWAY_IMAGES=$* python3 - <<'PULL'
import os, sys
sys.path.insert(0, "/opt/slipway")
import pull_images
missing = pull_images.pull(os.environ["SLIPWAY_IMAGES"].split())
sys.exit("\n".join(f"{image}: {why}" for image, why in missing.items()) or 0)
PULL

# What makes an instance itself goes: user data runs anew on each that is launched from the image.
systemctl stop docker
# The guards wait for user data too, which tells them the pool; ecs.service keeps its preflight.
rm -f /etc/systemd/system/docker.service.d/slipway.conf
rm -rf /var/lib/slipway/filled /etc/slipway/host.env /var/lib/ecs/data /var/log/ecs/*
cloud-init clean --logs # the 22.2 of Amazon Linux 2023 knows no --machine-id
: >/etc/machine-id
echo "ready: stop this instance and make an image of it"
