#!/bin/sh
# Chromium without a window for the browser tests: Debian's, where it may be installed and no Chromium stands already; tests say so where there is none.
set -eu
for name in chromium-headless-shell chromium; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "chromium is not installed and cannot be from here: browser tests will say that they do not run" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null
