#!/bin/sh
# Layers: what a room may include, and what its objects may call. A failure names the file and the line, or the object and
# the symbol.
#
#   layers.sh SOURCE_DIRECTORY libengine.a libmodel.a libfix.a [other libraries of the house]
#
# Arrows point down and never back (ARCHITECTURE.md, «Rooms»). The engine, the model and fix decide from numbers that they are
# given: no clock, socket, file, thread, random source or allocator. Memory is taken through core, at create only: by the
# model, and in the engine by agent.c.
set -u
source=$1
shift
failed=0
fail() {
    echo "layers: $*"
    failed=1
}

# Includes ------------------------------------------------------------------------------------------------------

# room, then the folders (or single headers) that it may include besides its own
may_include() {
    room=$1
    shift
    [ -d "$source/$room" ] || return
    allowed=$(printf '%s/\n' "$room" "$@" | sed 's|\.h/$|\\.h|' | paste -sd'|')
    found=$(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.c' --include='*.h' "$source/$room" |
        grep -E '"(dataplane|fix|storage|control|tools|bench|tests)/' | grep -vE "include[[:space:]]*\"($allowed)")
    [ -z "$found" ] || fail "$room/ includes what it must not know:
$found"
}

may_include dataplane/core
may_include dataplane/ring dataplane/core
may_include dataplane/net dataplane/core
may_include fix dataplane/core
may_include dataplane/model dataplane/ring dataplane/core
may_include dataplane/engine dataplane/model dataplane/ring dataplane/core
may_include dataplane/gateway fix dataplane/net dataplane/model dataplane/ring dataplane/core
may_include storage dataplane/model dataplane/ring dataplane/core
may_include control/replica storage dataplane/model dataplane/ring dataplane/core
may_include control/config control/journal dataplane/gateway/gateway.h dataplane/model dataplane/core
may_include control/journal dataplane/core
may_include control/metrics control/node.h dataplane/core
may_include control/ops control/config control/json control/metrics control/node.h storage dataplane/engine/rfq dataplane/model \
    dataplane/core fix
may_include control/json dataplane/model dataplane/core
may_include control/web dataplane/net dataplane/model dataplane/core
may_include control/auth control/config dataplane/model dataplane/core
may_include control/body dataplane/model dataplane/core
may_include control/client control/auth control/body control/node.h dataplane/model dataplane/ring dataplane/core
may_include control/view control/json control/replica storage/store.h storage/tables.h dataplane/model dataplane/core
may_include control/feed control/view control/json control/node.h storage/tables.h dataplane/model dataplane/core
may_include control/console control/web
may_include control/ws control/auth control/body control/client control/feed control/view control/web control/json dataplane/core
may_include control/http control/auth control/body control/client control/console control/feed control/metrics control/view \
    control/web control/ws storage/store.h dataplane/core
may_include control/front control/http control/metrics control/node.h
may_include tools/ctl control/ops/command_list.h
may_include tools/sim fix dataplane/net dataplane/core
may_include bench fix dataplane/net dataplane/ring dataplane/core

# Symbols -------------------------------------------------------------------------------------------------------

libc='memcpy|memset|memmove|memcmp|memchr|memrchr|memmem|bcmp|strlen|strnlen|strcmp|strncmp|strchr|strcpy|strncpy|strspn|strcspn'
compiler='__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__u?(div|mod)ti3|__u?divmodti4|__cpu_model|__cpu_indicator_init'
allowed="^($libc|$compiler)\$"

# "object symbol" of each undefined symbol
undefined() {
    nm -u "$1" 2>/dev/null | awk '/:$/ { object = $1; sub(/:$/, "", object); next } $1 == "U" { print object, $2 }'
}

defined=$(mktemp)
trap 'rm -f "$defined"' EXIT
for library in "$@"; do
    [ -r "$library" ] || fail "no such library: $library"
    nm --defined-only "$library" 2>/dev/null | awk 'NF == 3 { print $3 }'
done | sort -u >"$defined"

for library in "$@"; do
    case $library in
    */libengine.a | */libmodel.a | */libfix.a) ;;
    *) continue ;; # given for what it defines
    esac
    [ -n "$(undefined "$library")" ] || fail "nm has nothing to say of $library"
    while read -r object symbol; do
        case $symbol in
        memory_take | memory_give)
            case $library/$object in
            */libmodel.a/* | */libengine.a/agent.c.o) continue ;;
            esac
            ;;
        clock_to_civil | clock_from_civil) continue ;; # the calendar: arithmetic on a time that is given
        snprintf | vsnprintf) # texts of session-level refusals; records told to people, which no decision does
            case $library/$object in */libfix.a/* | */libmodel.a/describe.c.o) continue ;; esac
            ;;
        clock_* | core_*) ;; # ours, but not for these
        *)
            if grep -qxF "$symbol" "$defined" || echo "$symbol" | grep -qE "$allowed"; then
                continue
            fi
            ;;
        esac
        fail "$(basename "$library"), $object calls $symbol"
    done <<LIST
$(undefined "$library" | sort -u)
LIST
done

[ $failed = 0 ] && echo "layers: includes and symbols are as they should be"
exit $failed
