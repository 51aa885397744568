#!/bin/sh
# What the tests need beyond pip packages. Where it cannot be installed, the tests that need it skip
# and say so; in CI (CI=true) they fail instead.
set -u
cd "$(dirname "$0")/.." || exit 1
missing=""
[ -x /usr/bin/chromium ] || missing="$missing chromium"
[ -x /usr/sbin/smtp-sink ] || missing="$missing postfix"
[ -f /usr/share/fonts/truetype/noto/NotoSansMalayalam-Regular.ttf ] || missing="$missing fonts-noto-core"
set -- /usr/lib/*/faketime/libfaketime.so.1
[ -f "$1" ] || missing="$missing libfaketime"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing for the tests …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $missing >/dev/null && missing=""
fi
[ -z "$missing" ] || echo "Not installed:$missing. The tests that need them will say so."

# The SMS centre of tests/send/centre: its packages by version and hash, outside this tree.
centre="${XDG_CACHE_HOME:-$HOME/.cache}/ariyippu/centre"
if ! cmp -s tests/send/centre/package-lock.json "$centre/node_modules/.installed"; then
    mkdir -p "$centre" && cp tests/send/centre/package*.json "$centre" &&
        (cd "$centre" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) &&
        cp "$centre/package-lock.json" "$centre/node_modules/.installed" ||
        echo "Not installed: the SMS centre's packages. The tests that need them will say so."
fi
