#!/bin/sh
# JSON with jq: the peers with the most connections, and the connections with the longest round trips.
# Usage: examples/jq.sh [SOCKSCOPE OPTIONS...], for example `examples/jq.sh --replay evidence`
set -eu
sockscope=${SOCKSCOPE:-sockscope}

echo "# connections by peer"
"$sockscope" "$@" -tn --json state established |
  jq -r 'group_by(.peer.address) | sort_by(-length)[] | "\(length)\t\(.[0].peer.address)"'

echo "# round trips, slowest first, in ms"
"$sockscope" "$@" -tni --ndjson state established |
  jq -rs 'map(select(.tcpInfo.rttUs)) | sort_by(-.tcpInfo.rttUs)[:5][]
    | "\(.tcpInfo.rttUs / 1000)\t\(.peer.address):\(.peer.port)"'
