#!/usr/bin/env bash
# propose-image.sh canary|promote: a pull request that gives the newest image to the profile `canary`, or the canary's
# image to every profile with an image of the same repository. What is merged is what is deployed; so is its revert.
set -euo pipefail

: "${REPOSITORY:?}" "${SLIPWAY_FILE:?}" "${TAG:?}"
what=$1
export image
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
