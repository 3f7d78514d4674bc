#!/bin/sh
# Installs the PostgreSQL server binaries that the tests bring up their own cluster with.
# Starts no server and leaves any cluster of the distribution alone. Needs root; says so otherwise.
set -eu
for initdb in /usr/lib/postgresql/*/bin/initdb; do
    if [ -x "$initdb" ]; then
        echo "PostgreSQL is here: ${initdb%/initdb}"
        exit 0
    fi
done
if [ "$(id -u)" != 0 ]; then
    echo "PostgreSQL is not installed, and installing it needs root: apt-get install postgresql" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common
# no cluster of the distribution's own: the tests make theirs
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
apt-get update -q
apt-get install -y -q --no-install-recommends postgresql
