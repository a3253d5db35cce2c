# What the scripts share: words for a person to follow, packages, build folders. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What a build needs, by Debian's names. libcmocka is the unit tests', which meson wants to know of;
# make is what gcc's link-time optimizer runs side by side with.
build_packages=(
    gcc libc6-dev make meson ninja-build pkg-config python3
    libcmocka-dev libdeflate-dev libisal-dev libjansson-dev liblz4-dev libmicrohttpd-dev
    libsmartcols-dev libsnappy-dev libxxhash-dev libzstd-dev
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

# build NAME: configures build/NAME, once, and builds it; ninja sees to later changes by itself.
build() {
    local name=$1 compiler=gcc options=(-Dbuildtype=debugoptimized) targets=()
    case $name in
    debug) ;;
    # Meson gives the linker -flto, which gcc takes for one thread. The tests need no such build.
    release)
        options=(-Dbuildtype=release -Db_lto=true -Dc_link_args=-flto=auto)
        targets=(gregor)
        ;;
    asan) options+=(-Db_sanitize=address,undefined) ;;
    tsan) options+=(-Db_sanitize=thread) && targets=(gregor) ;;
    clang) compiler=clang-19 ;;
    *) die "no build is called '$name'" ;;
    esac
    [[ -e $root/build/$name/build.ninja ]] ||
        CC=$compiler meson setup "$root/build/$name" "$root" "${options[@]}" || return
    ninja -C "$root/build/$name" "${targets[@]}"
}
