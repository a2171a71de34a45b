# shellcheck shell=bash
# Questions about this machine, and the few commands that change it. Sourced by the other scripts; $root is theirs.

# shellcheck disable=SC2154
engine_folder=$root/.deputy/engine
PATH=$PATH:/usr/sbin:/sbin # not everybody's path has them, and dockerd and iptables live there

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

# -------------------------------------------------------------------------------------------------------------- root

needs_sudo() { [ "$(id -u)" != 0 ]; }
can_be_root() { ! needs_sudo || command -v sudo >/dev/null; }
as_root() { if needs_sudo; then sudo "$@"; else "$@"; fi; }

# ------------------------------------------------------------------------------------------------------------ Debian

has_apt() { command -v apt-get >/dev/null; }

# Fresh machines have empty package lists; then only an update can tell.
has_candidate() {
    [ "${updated:-no}" = yes ] || [ -n "$(apt-cache pkgnames iptables 2>/dev/null)" ] || ! can_be_root || apt_update
    # Not ``grep -q``: leaving early would make apt-cache fail, and with it the pipe.
    apt-cache policy "$1" 2>/dev/null | grep 'Candidate: [^(]' >/dev/null
}

apt_update() {
    updated=yes
    say "reading the package lists (apt-get update)" >&2
    as_root apt-get update -qq >/dev/null 2>&1 || say "they could not be read; trying with what is there" >&2
}

apt_install() {
    [ "${updated:-no}" = yes ] || apt_update
    local log
    log=$(mktemp)
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# The server's package makes and starts a database unless told otherwise. The tests start their own.
no_cluster_file=/etc/postgresql-common/createcluster.d/deputy-setup.conf
no_database_cluster() {
    as_root mkdir -p "${no_cluster_file%/*}" && echo 'create_main_cluster = false' | as_root tee "$no_cluster_file" >/dev/null
}
allow_database_cluster() {
    as_root rm -f "$no_cluster_file"
    as_root rmdir --ignore-fail-on-non-empty "${no_cluster_file%/*}"
}

# ------------------------------------------------------------------------------------------------------------ Python

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

apt_python() {
    local name
    for name in python3.13 python3.12 python3.11; do
        has_candidate "$name" && echo "$name" && return
    done
    return 1
}

venv_package() {
    local version
    version=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if has_candidate "$version"; then echo "$version"; else echo python3-venv; fi
}

# A copied or moved folder brings a .venv along whose scripts lead back to the old place.
venv_works() {
    local venv=$root/.venv
    is_new_enough "$venv/bin/python" && grep -qsF "$venv" "$venv/bin/activate"
}

venv_stamp() {
    "$root/.venv/bin/python" -c 'import hashlib, sys
digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[1:]:
    digest.update(open(name, "rb").read())
print(digest.hexdigest())' "$root/requirements.lock" "$root/scripts/requirements-uv.txt" "$root/pyproject.toml"
}

venv_is_current() { venv_works && [ "$(cat "$root/.venv/deputy-stamp" 2>/dev/null)" = "$(venv_stamp)" ]; }

# ------------------------------------------------------------------------------------------------------------ Docker

has_systemd() { [ -d /run/systemd/system ]; }

# ready | denied | starting | absent
engine_state() {
    local asker
    asker=$(find_python || command -v python3 || echo false)
    # Without a whole Python nobody can ask yet; a socket then means: look again when there is one.
    "$asker" "$root/scripts/engine_state.py" 2>/dev/null || { [ -z "${DOCKER_HOST:-}" ] && [ -S /var/run/docker.sock ] && echo starting; } || echo absent
}

# An engine that we start reads its settings here, where the machine has none of its own.
engine_settings=$engine_folder/daemon.json
has_own_settings() { [ -e /etc/docker/daemon.json ]; }
engine_reads_ours() {
    local pid
    pid=$(cat "$engine_folder/dockerd.pid" 2>/dev/null) && grep -qsaF "$engine_settings" "/proc/$pid/cmdline"
}
knows_crun() { grep -qs '"crun"' "$engine_settings"; }

engine_is_alive() { has_systemd || pgrep -x dockerd >/dev/null 2>&1 || [ -e "$engine_folder/dockerd.pid" ]; }

# Docker Desktop and rootless engines listen elsewhere; the docker command knows where.
other_engine() {
    local host
    command -v docker >/dev/null || return 0
    host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 0
    if [ "$host" != unix:///var/run/docker.sock ] && DOCKER_HOST=$host docker version >/dev/null 2>&1; then echo "$host"; fi
}

docker_command_package() { if has_candidate docker-cli; then echo docker-cli; else echo docker.io; fi; }

has_sandbox_image() { docker image inspect deputy-sandbox:latest >/dev/null 2>&1; }

# ------------------------------------------------------------------------------------------------------------- tests

has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; }

has_chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do command -v "$name" >/dev/null && return; done
    return 1
}

# Ubuntu's package is a stub for a snap, which containers can't run.
has_chromium_package() { has_apt && ! grep -qs '^ID=ubuntu' /etc/os-release; }
