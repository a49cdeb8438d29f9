# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154	# used by those who source this; variables of lib.sh
#
# What tests of policy and robustness share: the scripted FTP and TFTP ends of lab.py, counters, pinholes, expectations,
# allocations that fail.
# Sourced after lib.sh. See lab.py for the commands.

declare -A L=()	# the last answer's values: ${L[public]}; of no use, but there, after a failure

lab_start() { script_start lab lab.py; }	# after setup_ns

# lab COMMAND WORD...: 0 or 1; values in L; what went wrong on standard output
lab()
{
	L=([saw]=nothing [said]=something [changed]=-1 [port]=0 [public]=none [peer]=none [peerport]=0 [n]=-1 [lowest]=0 [highest]=0
		[list]='')
	script lab L 120 "$@"
}

# what is said with a patience that is short, for what must not work
SHORT=patience=0.7

# counter NS TENANT REASON [PROTOCOL]: sets N
counter()
{
	local name value
	N=0
	while read -r name value _; do
		[ "$name" != "$3" ] || N=$value
	done < <(alg "$1" stats show tenant "$2" protocol "${4:-ftp}" 2>&1)
}

# counter_is NS TENANT REASON VALUE: the counter, whenever it gets there
counter_is() { counter "$1" "$2" "$3"; [ "$N" = "$4" ]; }

check_counter()	# check_counter TITLE NS TENANT REASON VALUE
{
	wait_for 10 counter_is "$2" "$3" "$4" "$5"
	check_is "$1" "$4 $N" "$4 $5"
}

# counted TITLE NS TENANT REASON: the counter is greater than OLD[REASON]; remember() before
declare -A OLD=()
remember() { counter "$1" "$2" "$3"; OLD[$3]=$N; }
check_grew()	# check_grew TITLE NS TENANT REASON BY
{
	wait_for 5 counter_is "$2" "$3" "$4" $((OLD[$4] + $5))
	check_is "$1" "$4 +$((N - OLD[$4]))" "$4 +$5"
}

# pinholes NS [WORD...]: sets the array HOLES, one line each, without the heading; words as for algctl pinhole show
pinholes()
{
	local ns=$1
	shift
	mapfile -t HOLES < <(alg "$ns" -j pinhole show "$@" | grep -o '"id"')
	N=${#HOLES[@]}
}

# pending NS: sets N to the pinholes that wait for their connection
pending()
{
	N=0
	while read -r _; do
		N=$((N + 1))
	done < <(alg "$1" -j pinhole show | grep -o '"pending"')
}

pinholes_are() { pinholes "$1"; [ "$N" = "$2" ]; }

check_pinholes()	# check_pinholes TITLE NS COUNT: at most 10 s
{
	wait_for 10 pinholes_are "$2" "$3"
	check_is "$1" "$N pinholes" "$3 pinholes"
}

# expectations NS: sets N
expectations()
{
	N=0
	while read -r _; do
		N=$((N + 1))
	done < <(on "$1" conntrack -L expect 2>/dev/null)
}

# status_of NS FIELD: sets N to a number of algctl status
status_of()
{
	local text
	text=$(alg "$1" -j status)
	N=-1
	[[ $text =~ \"$2\":\ *([0-9]+) ]] && N=${BASH_REMATCH[1]}
}
status_is() { status_of "$1" "$2"; [ "$N" = "$3" ]; }
check_status()	# check_status TITLE NS FIELD VALUE
{
	wait_for 10 status_is "$2" "$3" "$4"
	check_is "$1" "$3 $N" "$3 $4"
}

# traffic NAME CLIENT SERVER ADDRESS: transfers without end to an address that the server gets for it; "GOOD BAD" in
# $TMP/NAME.log once stopped
traffic()
{
	ip -n "${NETNS[$3]}" addr add "$4/24" dev eth0
	daemon "$1" "$2" env -C "$HERE" python3 -S "$HERE/load_traffic.py" \
		"$2=${NETNS[$2]},$3=${NETNS[$3]}" "$2" "$3" "$4"
}

# ---- memory that runs out (debug kernels with CONFIG_FAILSLAB) ----

FAILSLAB=/sys/kernel/debug/failslab

has_failslab() { [ -d $FAILSLAB ] || [ "${NF_ALG_KERNEL-}" = debug ]; }	# the debug kernel must have it

# memory_may_fail: our own caches, expectations and the small general caches, CACHES, for memory_fails(). 1: none
memory_may_fail()
{
	local cache
	CACHES=()
	for cache in /sys/kernel/slab/*; do
		case ${cache##*/} in
		nf_alg*|alg-*|nf_conntrack_expect|kmalloc-[69]?|kmalloc-???|kmalloc-?k)
			echo 1 2>/dev/null >"$cache/failslab" && CACHES+=("${cache##*/}");;
		esac
	done
	[ ${#CACHES[@]} -gt 0 ]
}

memory_fails()	# memory_fails PERCENT: of the atomic allocations from them
{
	echo Y >$FAILSLAB/cache-filter
	echo Y >$FAILSLAB/ignore-gfp-wait
	echo 0 >$FAILSLAB/verbose
	echo 1 >$FAILSLAB/interval
	echo 0 >$FAILSLAB/space
	echo -1 >$FAILSLAB/times
	echo "$1" >$FAILSLAB/probability
}
