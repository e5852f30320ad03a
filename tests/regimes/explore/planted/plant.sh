#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Plants each of the bugs in a copy of the headers, and expects the explorer to
# find it by a short way.
#
# The head of a patch says which invariant the bug breaks and which pains it
# stands for; a line "over: FILE" where it is not found by explore/processes.cpp
# but by that file.
#
# usage: plant.sh [--sample=N] [--seed=N] [--only=TEXT] [compiler with its flags]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
most_steps=12
sample=0
seed=1
only=

while [ $# -gt 0 ]; do
    case $1 in
        --sample=*) sample=${1#*=} ;;
        --seed=*) seed=${1#*=} ;;
        --only=*) only=${1#*=} ;;
        *) break ;;
    esac
    shift
done
compiler=("$@")
[ ${#compiler[@]} -gt 0 ] || compiler=(g++ -std=c++20 -O1)

mapfile -t patches < <(find "$here" -name "*$only*.patch" | sort)
if [ "$sample" -gt 0 ]; then
    mapfile -t patches < <(printf '%s\n' "${patches[@]}" |
        shuf -n "$sample" --random-source=<(yes "$seed"))
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
found=0
longest=0

# compile <folder of the headers> <source> <object>
compile() {
    "${compiler[@]}" -w -I"$root/tests/regimes/without_catch" -I"$1" -I"$root/tests" \
        -c "$root/tests/regimes/$2" -o "$3"
}

# What drives the scenarios has nothing in it that a bug is planted in.
compile "$root/include" explore.cpp "$copy/main.o"
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    rm -rf "$copy/include"
    cp -r "$root/include" "$copy/include"
    if ! patch --quiet --fuzz=0 --strip=1 --directory="$copy" <"$patch" >"$copy/log" 2>&1; then
        printf '%s: the patch does not fit the headers any more\n' "$name"
        continue
    fi
    over=$(sed -n 's/^over: //p' "$patch")
    if ! compile "$copy/include" "explore/${over:-processes}.cpp" "$copy/played.o" \
        >"$copy/log" 2>&1; then
        printf '%s: does not compile\n' "$name"
        grep -m 3 'error:' "$copy/log" || true
        continue
    fi
    "${compiler[@]}" "$copy/main.o" "$copy/played.o" -o "$copy/explore" -pthread
    if "$copy/explore" --until-found --samples=0 --steps=$most_steps >"$copy/log" 2>&1; then
        printf '%s: NOT FOUND\n' "$name"
        continue
    fi
    steps=$(sed -n 's/^ *\([0-9]*\)\. .*/\1/p' "$copy/log" | tail -n 1)
    steps=${steps:-none}
    what=$(grep -m 1 -E '^  (I[0-9]+|registry|liveness|[^ 0-9])' "$copy/log" || true)
    if [ "$steps" = none ] || [ "$steps" -gt $most_steps ]; then
        printf '%s: not by a way of at most %s steps (%s)\n' "$name" "$most_steps" "$steps"
        continue
    fi
    printf '%s: %s steps,%s\n' "$name" "$steps" "$what"
    found=$((found + 1))
    [ "$steps" -le "$longest" ] || longest=$steps
done
printf '{"regime":"planted","bugs":%s,"found":%s,"longest":%s}\n' "${#patches[@]}" "$found" \
    "$longest"
[ "$found" -eq "${#patches[@]}" ]
