#!/bin/sh
# Drena in one file: this script, and behind its last line the bundle (Python, Drena, its providers, PostgreSQL).
#
# The first start unpacks it, once for each build, where this user alone can write; every start then becomes the program
# itself: the same process, as systemd's notices, sockets and signals need it. It asks for nothing but sh, tar and gzip.
# Where it unpacks to: the first of these that can be used: $CACHE_DIRECTORY and $STATE_DIRECTORY (which systemd sets),
# /var/cache for root, $XDG_CACHE_HOME, ~/.cache, $TMPDIR or /tmp. What is there may be deleted while no Drena runs; the
# bundles of files older than this one are, at its first start, but for those that something runs from.
set -eu
digest=@DIGEST@ begin=@BEGIN@ sizes="@SIZES@" user=$(id -u)

unpack_all() { # the first part, which has the folders, into "$1"; then the others, all at once
    at=$begin running=
    for size in $sizes; do
        tail -c "+$at" "$0" | head -c "$size" | tar -xzf - --no-same-owner -C "$1" &
        running="$running $!"
        if [ "$at" = "$begin" ]; then wait $! || return 1; running=; fi
        at=$((at + size))
    done
    whole=yes
    for each in $running; do wait "$each" || whole=no; done
    [ $whole = yes ]
}

stop() { # after a signal: background jobs do not hear Ctrl-C
    [ -z "$running" ] || kill $running || :
    wait
    rm -rf "$part"
    exit $((128 + $1))
}

forget() { # the bundles of older files in "$1"; none where it cannot be known what runs
    [ -e /proc/self/exe ] || return 0
    runs=$(readlink /proc/[0-9]*/exe || :)
    for old in "$1"/????????????????; do
        case $runs in *"$old/"*) continue ;; esac
        if [ "$old" != "$1/$digest" ] && [ "$old" -ot "$1/$digest" ]; then rm -rf "$old"; fi
    done
}

unpack() { # into "$1", unless it is there; fails when that place cannot be used
    [ ! -L "$1" ] && { [ -d "$1" ] || mkdir -p -m 755 "$1"; } && [ -O "$1" ] || return 1
    [ -d "$1/$digest" ] && [ -O "$1/$digest" ] && return
    part=$(mktemp -d "$1/part.XXXXXX") && chmod 755 "$part" || return 1
    running=
    trap 'stop 2' INT
    trap 'stop 15' TERM
    unpack_all "$part" && touch -r "$0" "$part" && mv -T "$part" "$1/$digest" && forget "$1" && return
    rm -rf "$part"
    [ -d "$1/$digest" ] # another process was faster
}

[ "$user" = 0 ] && system=/var/cache || system=
temporary=${TMPDIR:-/tmp}/drena-$user
for place in "${CACHE_DIRECTORY:-}" "${STATE_DIRECTORY:-}" "$system" "${XDG_CACHE_HOME:-}" "${HOME:+$HOME/.cache}" "$temporary"; do
    [ -n "$place" ] || continue
    [ "$place" = "$temporary" ] || place=${place%%:*}/drena-bundle
    if unpack "$place" 2>/dev/null && [ -x "$place/$digest/drena" ]; then
        exec "$place/$digest/drena" "$@"
    fi
done
echo "drena: there is no folder to unpack this program to: let TMPDIR name one that allows programs and has 100 MB." >&2
exit 3
