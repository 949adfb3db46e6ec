#!/usr/bin/env bash
# Makes everything in the image trust the *.crt files (PEM, one certificate each) under /usr/local/share/ca-certificates:
# the system's store for git, curl and the listener; Node, which actions run on, has a store of its own and is pointed at
# a bundle by the entrypoint, which sets NODE_EXTRA_CA_CERTS where there is one.
set -euo pipefail
shopt -s nullglob globstar

certificates=(/usr/local/share/ca-certificates/**/*.crt)
for certificate in "${certificates[@]}"; do
  grep -q -- '-----BEGIN CERTIFICATE-----' "$certificate" || {
    printf 'trust-certificates: %s is not PEM: openssl x509 -inform der -in FILE -out FILE.crt\n' "$certificate" >&2
    exit 1
  }
done
update-ca-certificates
((${#certificates[@]} == 0)) || cat "${certificates[@]}" >/opt/slipway/extra-certificates.pem
