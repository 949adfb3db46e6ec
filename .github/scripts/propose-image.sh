#!/usr/bin/env bash
# propose-image.sh canary|promote: a pull request that gives the newest image to the profile `canary`, or the canary's
# image to every profile with an image of the same repository, once a job ran on it ($PROVEN is what that job ran on) and
# it has been the canary's for six days. What is merged is what is deployed; so is its revert.
set -euo pipefail

readonly SECONDS_ON_CANARY=$((6 * 24 * 60 * 60))

: "${REPOSITORY:?}" "${SLIPWAY_FILE:?}" "${TAG:?}"
what=$1
export image

refuse() {
  # shellcheck disable=SC2059 # the format is written here
  printf "not promoted: $1\n" "${@:2}" >&2
  exit 1
}

# When the canary's line came to this branch: of a merged pull request, its merge. Uncommitted changes are of now.
canary_since() {
  local line
  line=$(yq '.profiles.canary.image | line' "$SLIPWAY_FILE")
  git blame --first-parent --porcelain -L "$line,$line" -- "$SLIPWAY_FILE" | sed -n 's/^committer-time //p'
}

case $what in
  canary)
    variant=$(yq '.profiles.canary.image' "$SLIPWAY_FILE")
    variant=${variant%@*}
    [[ $variant == "$REPOSITORY"-* ]] || {
      printf '%s: the profile canary has no image of %s-slim or %s-full\n' "$SLIPWAY_FILE" "$REPOSITORY" "$REPOSITORY" >&2
      exit 1
    }
    digest=$(aws ecr describe-images --repository-name "${variant#*/}" --image-ids "imageTag=$TAG" \
      --query 'imageDetails[0].imageDigest' --output text)
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]
    image=$variant@$digest
    yq -i '.profiles.canary.image = strenv(image)' "$SLIPWAY_FILE"
    ;;
  promote)
    image=$(yq '.profiles.canary.image' "$SLIPWAY_FILE")
    [[ $image == "${PROVEN:-}" ]] ||
      refuse '%s names %s for the canary, but the job ran on %s; is it deployed?' "$SLIPWAY_FILE" "$image" "${PROVEN:-none}"
    since=$(canary_since)
    ((EPOCHSECONDS - since >= SECONDS_ON_CANARY)) ||
      refuse '%s is the canary'\''s since %(%F %R)T only, and six days are wanted' "$image" "$since"
    export repository=${image%@*}
    yq -i '(.profiles[] | select(.image | split("@") | .[0] == strenv(repository))).image = strenv(image)' "$SLIPWAY_FILE"
    ;;
  *)
    printf 'usage: %s canary|promote\n' "$0" >&2
    exit 2
    ;;
esac

if git diff --quiet -- "$SLIPWAY_FILE"; then
  printf 'nothing to propose: %s is in use already\n' "$image"
  exit 0
fi
branch=image/$what-$TAG
git switch --create "$branch"
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
  commit --quiet --message "Runner image: $what" -- "$SLIPWAY_FILE"
git push --quiet origin "$branch"
gh pr create --head "$branch" --title "Runner image: $what" --body "$image"
