# Starts and stops the gregor under test, GREGOR_BIN (build/release/gregor). Sourced, never run.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

gregor=${GREGOR_BIN:-$lib/../../build/release/gregor}
gregor_pid=
bootstrap=

# start_gregor FOLDER [KEY=VALUE…]: on a free port (PORT), data and log in FOLDER; sets `bootstrap`.
# GREGOR_SETTINGS has further KEY=VALUEs, for all that is started.
start_gregor() {
    local folder=$1 port=${PORT:-$(free_port)} setting overrides=() deadline=$((SECONDS + 30))
    shift
    for setting in "listeners=PLAINTEXT://127.0.0.1:$port" "log.dirs=$folder/data" \
        "gregor.http.listeners=" \
        ${GREGOR_SETTINGS-} "$@"; do
        overrides+=(--override "$setting")
    done
    mkdir -p "$folder"
    : >"$folder/log"
    "$gregor" serve "${overrides[@]}" >>"$folder/log" 2>&1 </dev/null &
    gregor_pid=$!
    # The words that test containers wait for; see Kafka's BrokerLifecycleManager.
    until grep -q 'Transitioning from RECOVERY to RUNNING' "$folder/log"; do
        if ! kill -0 "$gregor_pid" 2>/dev/null || ((SECONDS > deadline)); then
            echo "not ok - gregor did not start:" && tail -n 20 "$folder/log"
            return 1
        fi
        sleep 0.02
    done
    bootstrap=127.0.0.1:$port
}

# stop_gregor [SIGNAL]: TERM is a clean shutdown. Returns the exit status of gregor.
stop_gregor() {
    local status=0
    [[ -n $gregor_pid ]] || return 0
    kill -"${1:-TERM}" "$gregor_pid" 2>/dev/null || true
    wait "$gregor_pid" || status=$?
    gregor_pid=
    return "$status"
}
