# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For lab/kernel and lab/profile: packages of any Debian suite and architecture, with an apt state of
# our own. Sourced.

cache=${TINYVMI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tinyvmi}

need_tools() { # TOOL...
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        echo "${0##*/}: $tool is missing (lab/setup installs what the lab needs)" >&2
        exit 1
    done
}

# Sets suite_state, a folder that holds "log", the last apt run's output. One caller at a time; the
# second one finds the first one's result.
lock_suite() { # SUITE ARCH
    suite_state=$cache/apt/$1-$2
    mkdir -p "$suite_state/lists/partial" "$suite_state/archives/partial"
    exec 9>"$suite_state/lock"
    flock 9
    : >"$suite_state/log"
}

# Sets suite_apt, arguments for apt-get and apt-cache, and fetches the suite's package lists from the
# machine's own Debian mirror, whatever that is. Returns 1 with $reason set when it cannot.
update_suite() { # SUITE ARCH
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    # That of a full suite, not of -security or -updates, which the other suites may not have
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' \
        'Origin: Debian' 'Component: main' | awk '$1 !~ /-/ { print $2; exit }')
    if [ -z "$mirror" ]; then
        reason="this machine's apt knows no Debian mirror (run apt-get update once)"
        return 1
    fi
    echo "deb [arch=$2 signed-by=$keyring] $mirror $1 main" >"$suite_state/sources.list"
    # An archived suite's Valid-Until has passed; its signature still holds.
    suite_apt=(-q -o Dir::Etc::SourceList="$suite_state/sources.list"
        -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o Dir::State::Lists="$suite_state/lists" -o Dir::State::status=/dev/null
        -o Dir::State::extended_states="$suite_state/extended_states" -o Dir::Cache="$suite_state"
        -o Dir::Cache::archives="$suite_state/archives"
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o APT::Architecture="$2" -o APT::Architectures="$2" -o APT::Sandbox::User=root
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::Check-Valid-Until=false)
    apt-get "${suite_apt[@]}" update --error-on=any >"$suite_state/log" 2>&1 && return
    reason="its package lists cannot be fetched or verified"
    return 1
}

# What apt complained about, without the mirror's address.
show_apt_errors() {
    sed -n "s/^[EW]: /${0##*/}: apt: /p" "$suite_state/log" |
        sed -E 's#https?://[^ ]*/##g' | head -5 >&2
}
