#!/usr/bin/env bash
# diff.sh FOLDER: what `kubectl apply` would change, told by what was applied last. `kubectl diff` asks the API server for a
# dry run, which Kubernetes grants only to who may make the change; reading is all that this needs. Secrets it cannot read:
# the diff role may not, and they have no place in the repository.
set -euo pipefail

# shellcheck disable=SC2016 # jq's
one_by_one='[if .kind == "List" then .items[] else . end] | sort_by(.kind, .metadata.namespace, .metadata.name)'
applied='map(.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] // empty | fromjson)'
plain='map(del(.metadata.annotations | select(. == {})))'

kubectl kustomize "$1" >wanted.yaml
kubectl get --filename wanted.yaml --output json --ignore-not-found |
  jq --slurp --sort-keys ".[0] // {kind: \"List\", items: []} | $one_by_one | $applied | $plain" >applied.json
kubectl create --filename wanted.yaml --dry-run=client --output json |
  jq --slurp --sort-keys "{kind: \"List\", items: .} | $one_by_one | $plain" >wanted.json
status=0
diff --unified applied.json wanted.json || status=$?
((status <= 1)) # 1 is a difference, more is a failure
