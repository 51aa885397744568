#!/bin/sh
# What the tests need beyond pip packages. Where it cannot be installed, the tests that need it skip
# and say so; in CI (CI=true) they fail instead.
set -u
missing=""
[ -x /usr/bin/chromium ] || missing="$missing chromium"
[ -x /usr/sbin/smtp-sink ] || missing="$missing postfix"
[ -f /usr/share/fonts/truetype/noto/NotoSansMalayalam-Regular.ttf ] || missing="$missing fonts-noto-core"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing for the tests …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Not installed:$missing. The tests that need them will say so."
