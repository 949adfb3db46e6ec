#!/usr/bin/env bash
# build.sh: builds $DOCKERFILE of the checkout in source/ with $CONTEXT, and leaves in out/ the log, the image as an OCI
# layout, and its digest: what is scanned, signed, recorded and pushed is this layout, not another build of it.
set -euo pipefail

: "${CONTEXT:?}" "${DOCKERFILE:?}"

# A ref that anyone may push to without review would put unreviewed code behind our signature.
[[ ${GITHUB_REF_PROTECTED:-} == true ]] || {
  printf '%s is not protected: images are built of protected branches and tags\n' "${GITHUB_REF:-this ref}" >&2
  exit 1
}

# inside PATH: the whole path, once it is sure that neither dots nor links lead out of the checkout: beside that lie the
# runner's own credentials, and a context may be any folder.
inside() {
  local root path
  root=$(realpath source)
  path=$(realpath --canonicalize-existing -- "$root/$1")
  [[ $path == "$root" || $path == "$root"/* ]] || {
    printf '%s is not in the checkout\n' "$1" >&2
    exit 1
  }
  printf '%s\n' "$path"
}

context=$(inside "$CONTEXT")
file=$(inside "$DOCKERFILE")
here=$(dirname "${BASH_SOURCE[0]}")
mkdir -p out
"$here/logged-in.sh" docker build --pull --no-cache --progress plain --tag candidate --file "$file" "$context" 2>&1 | tee out/build.log
docker save --output out/candidate.tar candidate
skopeo copy --quiet docker-archive:out/candidate.tar oci:out/image:candidate
rm out/candidate.tar
jq -er '.manifests[0].digest' out/image/index.json >out/digest
printf 'built %s\n' "$(<out/digest)"
