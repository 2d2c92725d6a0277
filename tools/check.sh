#!/usr/bin/env bash
# All checks that need no running portal; each runs even when an earlier one complains, and any complaint fails the whole.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
failed=0

check() { # check NAME COMMAND...
    local name=$1
    shift
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "$name"
    else
        printf 'not ok  %s\n%s\n' "$name" "$output"
        failed=1
    fi
}

check "ruff (rules)" ruff check --quiet --output-format concise .
check "ruff (format)" ruff format --check --quiet --output-format concise .
check "mypy (types)" mypy
check "djlint (templates)" djlint --lint --quiet templates
check "import-linter (directions)" lint-imports --no-cache
exit "$failed"
