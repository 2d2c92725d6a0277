#!/usr/bin/env bash
# Prepares what `make run` and `make test` need, and nothing when it is there already.
#   tools/environment.sh run   .venv with the locked requirements
#   tools/environment.sh dev   the same with the tools for testing, and a Chromium with Chinese fonts
# Settings: PYTHON (which Python makes .venv), PORTAL_TEST_CHROMIUM (a Chromium of your own).
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?run or dev}
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

apt_install() { # apt_install PURPOSE PACKAGE...
    local purpose=$1
    shift
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing $* ($purpose) ..."
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
    else
        say "Needed for $purpose: please install the packages $* (on Debian: apt-get install -y $*)."
        return 1
    fi
}

make_venv() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { say "Python 3.11 or newer is needed; name one with PYTHON=... (now: $("$python" -V))."; return 1; }
    if [ ! -x .venv/bin/pip ]; then
        "$python" -c 'import ensurepip' 2>/dev/null || apt_install ".venv" python3-venv
        "$python" -m venv --clear .venv
    fi
}

install_requirements() { # install_requirements FILE
    local file=$1 stamp
    stamp=.venv/.installed-$(sha256sum "$file" | cut -c1-16)
    [ -e "$stamp" ] && return
    make_venv
    say "Installing $file into .venv ..."
    .venv/bin/pip install -qq --disable-pip-version-check --no-deps --require-hashes -r "$file"
    # The repository itself: importable from anywhere, and the command `portal`.
    pwd >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/portal.pth"
    printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m portal.cli "$@"\n' "$(pwd)" >.venv/bin/portal
    chmod +x .venv/bin/portal
    touch "$stamp"
}

find_chromium() {
    local name
    [ -x "${PORTAL_TEST_CHROMIUM:-}" ] && return
    for name in chromium chromium-browser google-chrome chromium-headless-shell; do
        command -v "$name" >/dev/null && return
    done
    apt_install "the browser tests" chromium
}

find_chinese_font() {
    if command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh family)" ]; then
        return
    fi
    apt_install "Chinese text in the browser tests" fontconfig fonts-noto-cjk
}

if [ "$kind" = dev ]; then
    install_requirements requirements-dev.txt
    find_chromium
    find_chinese_font
else
    # the tools for testing include all that running needs
    [ -e ".venv/.installed-$(sha256sum requirements-dev.txt | cut -c1-16)" ] || install_requirements requirements.txt
fi
