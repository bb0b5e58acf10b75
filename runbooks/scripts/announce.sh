#!/bin/sh
# announce.sh TEXT: posts a line to the chat whose incoming webhook ANNOUNCE_FILE holds.
set -eu
text=${1:?usage: announce.sh TEXT}
hook=$(cat "${ANNOUNCE_FILE:-$HOME/.config/failover/announce-url}")
# The webhook's address is a secret: it goes in by a pipe, not by an argument that others can list.
escaped=$(printf '%s' "$text" | sed 's/[\\"]/\\&/g')
printf 'url = "%s"\n' "$hook" |
  curl --fail --silent --show-error --max-time 10 --output /dev/null --config - \
    --header 'content-type: application/json' --data "{\"text\":\"$escaped\"}"
echo announced
