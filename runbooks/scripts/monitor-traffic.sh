#!/bin/sh
# monitor-traffic.sh URL REGION: whether users are served from there, as the header X-Region of 20 answers says. Looks for up
# to four minutes, since resolvers keep what they know. 0: at least 19 of 20 are. 1: they are not.
set -eu
url=${1:?usage: monitor-traffic.sh URL REGION}
region=${2:?usage: monitor-traffic.sh URL REGION}
for _ in 1 2 3 4 5 6 7 8; do
  from_there=0
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    # Each answer over a connection of its own, and a name that is looked up anew.
    seen=$(curl --silent --max-time 5 --output /dev/null --dump-header - "$url" |
      tr -d '\r' | awk 'tolower($1) == "x-region:" { print $2 }') || true
    if [ "$seen" = "$region" ]; then from_there=$((from_there + 1)); fi
  done
  echo "$from_there of 20 answers come from $region"
  if [ "$from_there" -ge 19 ]; then exit 0; fi
  sleep 20
done
exit 1
