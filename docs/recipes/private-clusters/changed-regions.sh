#!/usr/bin/env bash
# changed-regions.sh pull_request BASE | release: which regions' jobs run, as outputs of a step: `matrix` with one entry for
# each folder of clusters/ whose files changed, and `any`. All of them where what they share changed (base/), and where there
# is nothing to compare with: too many jobs cost minutes, too few leave a region behind.
set -euo pipefail

case ${1-} in
  pull_request) before=${2:?} ;;
  release) before=$(git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null) || before= ;;
  *)
    printf 'usage: %s pull_request BASE | release\n' "$0" >&2
    exit 2
    ;;
esac

# changed PATH…: whether something of it differs.
changed() {
  [[ -z $before ]] || ! git diff --quiet "$before" HEAD -- "$@"
}

[[ -z $before ]] || git rev-parse --quiet --verify "$before^{commit}" >/dev/null || before=
entries=()
for folder in clusters/*/; do
  name=$(basename "$folder")
  # It becomes part of a runner's label.
  [[ $name =~ ^[a-z0-9-]{1,20}$ ]] || {
    printf '%s: a region is named with 1 to 20 of a-z 0-9 -\n' "$folder" >&2
    exit 1
  }
  if changed base "$folder"; then
    entries+=("$(jq -c --arg profile "$name" '{profile: $profile, region, cluster}' "${folder}region.json")")
  fi
done
if ((${#entries[@]})); then any=true; else any=false; fi
printf 'any=%s\n' "$any"
printf 'matrix=%s\n' "$(printf '%s\n' "${entries[@]}" | jq -cs '{include: .}')"
