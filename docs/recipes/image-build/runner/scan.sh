#!/usr/bin/env bash
# scan.sh: lets $SCANNER look at the layout in out/image. It is a container of its own with no credentials: of a third
# party's program here nothing is trusted but what it reports. An ignore file of the checkout's is not there for it to read.
set -euo pipefail

[[ ${SCANNER:?} == *@sha256:* ]] || {
  printf '%s is not pinned by its digest\n' "$SCANNER" >&2
  exit 1
}
"$(dirname "${BASH_SOURCE[0]}")/logged-in.sh" docker run --rm --volume "$PWD/out/image:/image:ro" \
  "$SCANNER" image --input /image --scanners vuln --format json --quiet >out/scan.json
