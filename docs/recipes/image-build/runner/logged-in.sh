#!/usr/bin/env bash
# logged-in.sh COMMAND…: runs docker or skopeo with a login of the registry that is gone when it ends. The token is the task
# role's for twelve hours: it stays in no home, and no step of a Dockerfile sees it.
set -euo pipefail

login=$(mktemp --directory)
trap 'rm -rf "$login"' EXIT
"$(dirname "${BASH_SOURCE[0]}")/image_build.py" login >"$login/config.json"
DOCKER_CONFIG=$login REGISTRY_AUTH_FILE=$login/config.json "$@"
