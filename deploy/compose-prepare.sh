#!/bin/sh
# Makes what the gateway of the compose file reads: registry, certificates, audit keys. Keeps what is there.
set -eu
state=${1:-/state}
mkdir -p "$state"
if [ ! -f "$state/certs/ca.pem" ]; then
    # callers in containers come from the compose network, not from loopback
    vendor-stub cast registry | sed "s#\"127.0.0.0/8\"#\"127.0.0.0/8\"${CALLERS:+, \"$CALLERS\"}#" > "$state/registry.toml"
    scr-gateway dev-certs "$state/certs" --registry "$state/registry.toml"
    cat "$state/certs/certificates.toml" >> "$state/registry.toml"
    vendor-stub cast launches --desk http://127.0.0.1:8083 >> "$state/registry.toml"
fi
vendor-stub cast training > "$state/training.csv"
scr-gateway keys create "$state/keys"
if [ "$(id -u)" = 0 ] && id scr >/dev/null 2>&1; then chown -R scr "$state"; fi
