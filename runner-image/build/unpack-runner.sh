#!/usr/bin/env bash
# unpack-runner.sh ARCHITECTURE DESTINATION [ARCHIVE]: actions/runner, checked, from ARCHIVE or from its release.
# ARCHITECTURE is what builders call it: amd64 or arm64. RUNNER_ARCHIVE_SHA256 replaces the checksum of versions.env.
set -euo pipefail

die() {
  printf 'unpack-runner: %s\n' "$*" >&2
  exit 1
}

here=${BASH_SOURCE[0]%/*}
# shellcheck source=runner-image/versions.env
source "$here/../versions.env"
destination=$2 archive=${3:-}

case $1 in
  amd64) architecture=x64 checksum=$RUNNER_SHA256_X64 ;;
  arm64) architecture=arm64 checksum=$RUNNER_SHA256_ARM64 ;;
  *) die "there is no runner for the architecture '$1': build for linux/amd64 or linux/arm64" ;;
esac
checksum=${RUNNER_ARCHIVE_SHA256:-$checksum}

if [[ -z $archive ]]; then
  archive=$(mktemp)
  name=actions-runner-linux-$architecture-$RUNNER_VERSION.tar.gz
  url=https://github.com/actions/runner/releases/download/v$RUNNER_VERSION/$name
  curl -q --fail --silent --show-error --location --retry 3 --output "$archive" "$url" ||
    die "could not download $url: build where it can be reached, or give --build-arg RUNNER_ARCHIVE=<a copy in the context>"
fi

sha256sum --check --quiet <<<"$checksum  $archive" ||
  die "the archive is not the one of versions.env: take version and checksums from the same release notes, or, for an" \
    "archive of your own, give --build-arg RUNNER_ARCHIVE_SHA256=<its checksum>"
mkdir -p "$destination"
tar -xzf "$archive" -C "$destination"
[[ -x $destination/bin/Runner.Listener ]] || die "the archive has no executable bin/Runner.Listener"
