#!/usr/bin/env bash
# scan-image.sh REPOSITORY TAG: lets ECR scan one image and fails where it has a finding of a refused severity.
# ECR's own scan: no program of a third party sees the credentials of this workflow.
set -euo pipefail

repository=${1#*/} tag=$2
refused=${REFUSED_SEVERITIES:-CRITICAL}

# Asked for again within a day, a scan is refused: then the one on push is there, or on its way.
aws ecr start-image-scan --repository-name "$repository" --image-id "imageTag=$tag" >/dev/null || true
aws ecr wait image-scan-complete --repository-name "$repository" --image-id "imageTag=$tag"
counts=$(aws ecr describe-image-scan-findings --repository-name "$repository" --image-id "imageTag=$tag" \
  --query imageScanFindings.findingSeverityCounts --output json)
printf '%s:%s %s\n' "$repository" "$tag" "$(jq -c . <<<"$counts")"
for severity in $refused; do
  found=$(jq --arg severity "$severity" '.[$severity] // 0' <<<"$counts")
  if ((found > 0)); then
    printf '%s findings of severity %s: aws ecr describe-image-scan-findings tells them\n' "$found" "$severity" >&2
    exit 1
  fi
done
