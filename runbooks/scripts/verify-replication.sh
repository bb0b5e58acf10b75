#!/bin/sh
# verify-replication.sh HOST: whether somebody follows this primary, and how far behind. 0: at least one streams. 1: nobody.
# The password is in PGPASSWORD; the role needs pg_monitor.
set -eu
host=${1:?usage: verify-replication.sh HOST}
said=$(psql "host=$host user=failover dbname=postgres sslmode=verify-full connect_timeout=5" \
  --no-psqlrc --tuples-only --no-align --field-separator=' ' --command "
    SELECT count(*), coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)
    FROM pg_stat_replication WHERE state = 'streaming'")
servers=${said%% *} behind=${said##* }
echo "$servers follow, at most $behind bytes behind"
[ "$servers" -ge 1 ]
