#!/usr/bin/env bash
# push.sh image|signature: puts a layout of out/ into the registry, with the task role's credentials. Tags cannot be
# changed there: a second push of one is refused by ECR.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
what=$1
digest=$(<out/digest)
target=$("$here/image_build.py" target)
case $what in
  image) layout=oci:out/image:candidate reference=$target ;;
  signature) layout=oci:out/signature:signature reference=${target%:*}:${digest/:/-}.sig ;;
  *)
    printf 'usage: %s image|signature\n' "$0" >&2
    exit 2
    ;;
esac
"$here/logged-in.sh" skopeo copy --preserve-digests "$layout" "docker://$reference"
[[ $what == signature ]] || printf 'image=%s@%s\n' "${target%:*}" "$digest" >>"${GITHUB_OUTPUT:-/dev/stdout}"
