#!/usr/bin/env bash
# Brings every branch and tag of some repositories, and their LFS objects, into the Git cache of this host. Run while an
# image is baked, never by a job: what lies there is read by every job of the pool.
#   fill_git_cache.sh https://ghes.example.com/acme/shop https://ghes.example.com/acme/assets
# Credentials come from git's own helpers, and stay out of the cache.
set -euo pipefail

cache=${SLIPWAY_GIT_CACHE:-/var/lib/slipway/git-cache}
(($#)) || { echo "usage: ${0##*/} REPOSITORY..." >&2 && exit 2; }

umask 022
[[ -e $cache/HEAD ]] || git init --quiet --bare "$cache"
for repository in "$@"; do
  # Every repository has names of its own for its branches; none is checked out, so none can hide another.
  name=$(printf '%s' "$repository" | sha256sum | cut -c1-16)
  git -C "$cache" fetch --quiet --prune --no-tags "$repository" \
    "+refs/heads/*:refs/cache/$name/heads/*" "+refs/tags/*:refs/cache/$name/tags/*"
  mapfile -t tips < <(git -C "$cache" for-each-ref --format='%(refname)' "refs/cache/$name/")
  [[ ${#tips[@]} == 0 ]] || git -C "$cache" lfs fetch "$repository" "${tips[@]}" >&2
done
git -C "$cache" pack-refs --all
# Read by others, written by nobody: the mount is read-only besides.
chmod -R a+rX,go-w "$cache"
