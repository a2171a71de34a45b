#!/bin/sh
# Builds the sandbox image as deputy-sandbox:<digest of this folder> and deputy-sandbox:latest. A second run returns at once.
#
# The base is python:3.12-slim where a registry answers within DEPUTY_SANDBOX_PULL_SECONDS (20); otherwise, or with
# DEPUTY_SANDBOX_BASE=debian, one made from Debian packages with mmdebstrap. DEPUTY_SANDBOX_BASE=<image> names another.
# Certificates for the build: the .crt files in extra-ca/, in /usr/local/share/ca-certificates, and DEPUTY_EXTRA_CA (a file).
# An index other than PyPI: PIP_INDEX_URL. DOCKER_HOST is honoured.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=deputy-sandbox
official=python:3.12-slim
suite=bookworm
packages=python3,python3-venv,python3-pip,git,ripgrep,ca-certificates,patch,make,less,jq,procps,file,unzip,xz-utils

say() { echo "sandbox image: $*"; }
fail() { say "$*" >&2; exit 1; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }
digest() { sha256sum | cut -c1-12; }

# Names and contents, so that a rename counts; caches and certificates don't.
inputs() {
    find Dockerfile build.sh tools -type f ! -path '*/__pycache__/*' ! -path '*/.*_cache/*' ! -name '*.pyc' | LC_ALL=C sort \
        | while read -r file; do echo "$file"; sha256sum < "$file"; done
}

# One .crt per file, as update-ca-certificates wants them.
collect_certificates() {
    for file in /usr/local/share/ca-certificates/*.crt "${DEPUTY_EXTRA_CA:-}"; do
        [ -f "$file" ] || continue
        cp "$file" "$1/$(basename "${file%.*}").crt"
        say "trusting $file while building"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

debian_base() { echo "$name-base:$suite-$(echo "$packages" | digest)"; }

make_debian_base() {
    base=$(debian_base)
    has_image "$base" && return
    if ! command -v mmdebstrap >/dev/null; then
        command -v apt-get >/dev/null || fail "no registry answers and this is not Debian or Ubuntu. Set DEPUTY_SANDBOX_BASE to a Debian-based image that the engine has."
        say "installing the package mmdebstrap (apt-get)"
        { as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null; } \
            || fail "can't install mmdebstrap: run 'apt-get install mmdebstrap' as root, or set DEPUTY_SANDBOX_BASE."
    fi
    say "making the base from Debian packages (about a minute)"
    # A file between the two, because a pipe would hide mmdebstrap's failure.
    mmdebstrap --quiet --variant=apt --include="$packages" "$suite" "$work/base.tar" || fail "mmdebstrap failed. Are Debian's package servers reachable?"
    docker import "$work/base.tar" "$base" >/dev/null
    rm -f "$work/base.tar"
}

choose_base() {
    base=${DEPUTY_SANDBOX_BASE:-$official}
    if [ "$base" = debian ]; then make_debian_base; return; fi
    has_image "$base" && return
    # No registry answered before: asking again would only take time.
    if [ "$base" = "$official" ] && has_image "$(debian_base)"; then make_debian_base; return; fi
    say "pulling $base (at most ${DEPUTY_SANDBOX_PULL_SECONDS:-20} s)"
    timeout "${DEPUTY_SANDBOX_PULL_SECONDS:-20}" docker pull --quiet "$base" >/dev/null 2>&1 && return
    [ "$base" = "$official" ] || fail "the engine has no image $base and can't pull it. Unset DEPUTY_SANDBOX_BASE to build the base from Debian packages."
    say "no registry answers"
    make_debian_base
}

command -v docker >/dev/null || fail "there is no docker command. Install Docker and run 'make setup' again."
docker version >/dev/null 2>&1 || fail "the Docker engine does not answer. Start it, or set DOCKER_HOST, and run 'make setup' again."

cd "$here"
tag=$name:$(inputs | digest)
if has_image "$tag"; then
    docker tag "$tag" "$name:latest"
    say "$tag is there already"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
choose_base
mkdir "$work/context"
cp -R Dockerfile tools extra-ca "$work/context/"
find "$work/context" -name '__pycache__' -prune -exec rm -rf {} +
collect_certificates "$work/context/extra-ca"
say "building $tag on $base"
DOCKER_BUILDKIT=0 docker build --network=host --build-arg BASE_IMAGE="$base" ${PIP_INDEX_URL:+--build-arg PIP_INDEX_URL="$PIP_INDEX_URL"} \
    -t "$tag" -t "$name:latest" "$work/context" > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; fail "the build failed; the end of its log is above."; }
say "$tag is ready"
