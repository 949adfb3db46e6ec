#!/usr/bin/env bash
# gate.sh REPORT: fails where a scanner's report has a finding of a severity in $REFUSED_SEVERITIES, and where it cannot
# tell: a report that is not whole is no all-clear. Knows Trivy's JSON [IMAGE-TRIVY-REPORT] and what
# `aws ecr describe-image-scan-findings` prints [ECR-SCAN-FINDINGS].
set -euo pipefail

report=$1
refused=${REFUSED_SEVERITIES:-CRITICAL}

# Severities and how often each, or an error of jq's that says why there are none.
# shellcheck disable=SC2016 # the dollars are jq's
counts=$(jq -ec '
  if .SchemaVersion == 2 then
    if (.Results | type) == "array" and (.Results | length) > 0
    then [.Results[].Vulnerabilities // [] | .[].Severity] | group_by(.) | map({(.[0]): length}) | add // {}
    else error("the scanner found nothing in the image that it knows") end
  elif .imageScanStatus then
    .imageScanStatus.status as $status
    | if $status == "COMPLETE" or $status == "ACTIVE"
      then .imageScanFindings.findingSeverityCounts // {}
      else error("the scan is \($status)") end
  else error("no report of a scanner that is known here") end
' "$report")
printf 'findings: %s\n' "$counts"
for severity in $refused; do
  found=$(jq -r --arg severity "$severity" '.[$severity] // 0' <<<"$counts")
  if ((found > 0)); then
    printf '%s findings of severity %s: nothing is signed or pushed\n' "$found" "$severity" >&2
    exit 1
  fi
done
