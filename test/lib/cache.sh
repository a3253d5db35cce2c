# Where downloaded tools stay (GREGOR_CACHE, ~/.cache/gregor-test), each made once. Sourced.
# shellcheck shell=bash
set -euo pipefail

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GREGOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gregor-test}

# once FOLDER INPUT COMMAND…: makes $cache/FOLDER by the command, which gets that path, unless it
# was made of the same INPUT file before. Of two suites that want it at once the second waits. A
# command that fails is tried three times: mirrors have bad moments.
once() {
    local folder=$cache/$1 input=$2 try
    shift 2
    mkdir -p "$cache"
    exec 9>"$folder.lock"
    flock 9
    if ! cmp -s "$input" "$folder/.made-of"; then
        for try in 1 2 3; do
            rm -rf "$folder"
            mkdir -p "$folder"
            if "$@" "$folder" >"$folder.log" 2>&1; then break; fi
            ((try < 3)) || { tail -n 20 "$folder.log" >&2; return 1; }
        done
        cp "$input" "$folder/.made-of"
    fi
    exec 9>&-
}

free_port() {
    PYTHONPATH=$(dirname "${BASH_SOURCE[0]}") python3 -c 'import node; print(node.free_port())'
}
