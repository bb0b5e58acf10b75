#!/bin/sh
# check-region-health.sh URL: whether three answers in a row are good. 0: they are. 1: not within half a minute.
set -eu
url=${1:?usage: check-region-health.sh URL}
good=0 tries=0
while [ "$good" -lt 3 ]; do
  if [ "$tries" -ge 10 ]; then
    echo "$url: only $good good answers in a row, after $tries tries" >&2
    exit 1
  fi
  tries=$((tries + 1))
  if curl --fail --silent --max-time 3 --output /dev/null "$url"; then
    good=$((good + 1))
  else
    good=0
    sleep 3
  fi
done
echo "3 of 3 answers are good"
