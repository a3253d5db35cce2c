# What the scripts share: words for a person to follow, packages, build folders. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What a build needs, by Debian's names. libcmocka is the unit tests', which every build contains.
build_packages=(
    gcc libc6-dev meson ninja-build pkg-config python3
    libcmocka-dev libdeflate-dev libisal-dev libjansson-dev liblz4-dev libsmartcols-dev
    libsnappy-dev libxxhash-dev libzstd-dev
)

say() { printf '%s== %s%s\n' "${bold-}" "$*" "${plain-}"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
if [[ -t 1 && -z ${NO_COLOR-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

as_root() {
    if ((EUID == 0)); then "$@"; return; fi
    command -v sudo >/dev/null || die "run as root or install sudo: '$*' needs it"
    sudo "$@"
}

# install_packages PACKAGE…: those that are missing, by apt; says nothing when none is.
install_packages() {
    local package missing=()
    command -v apt-get >/dev/null || die "this needs Debian's apt-get; by hand, install: $*"
    for package in "$@"; do
        if [[ " ${missing[*]-} " != *" $package "* ]] &&
            ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed
        then
            missing+=("$package")
        fi
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
}

# configure FOLDER MESON-OPTION…: once; afterwards ninja sees to changes by itself.
configure() {
    local folder=$root/build/$1
    shift
    [[ -e $folder/build.ninja ]] || meson setup "$folder" "$root" "$@"
}

# The build folders that the scripts use. Each takes the name of its folder under build/.
configure_named() {
    case $1 in
    # meson gives the linker -flto, which gcc takes for one thread
    release) configure release -Dbuildtype=release -Db_lto=true -Dc_link_args=-flto=auto ;;
    debug) configure debug -Dbuildtype=debugoptimized ;;
    asan) configure asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined ;;
    clang) CC=clang-19 configure clang -Dbuildtype=debugoptimized ;;
    *) die "no build is called '$1'" ;;
    esac
}
