#!/bin/sh
# Stands in for ssh(1): a host is the network namespace of its name. Its recorder's store is below $STORES, if that is set.
while [ "$1" != "--" ]; do shift; done
[ -n "$STORES" ] || exec ip netns exec "$2" "$AGENT" agent --stdio
exec ip netns exec "$2" sh -c '
  mount -t tmpfs none /var/lib && mkdir /var/lib/sockscope && mount --bind "$STORES/$1" /var/lib/sockscope &&
  exec "$AGENT" agent --stdio' sh "$2"
