# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the net tests share: KTAP, namespaces, waiting, daemons, captures, our modules. topo.sh has the networks and firewalls.
#
#	#!/bin/bash
#	. "$(dirname "$0")/lib.sh"
#	need curl vsftpd nft
#	topo_lan
#	fw r filter masquerade
#	alg_load ftp
#	ftp_server s1
#	check "IPv4 SNAT, PORT, single write" on c1 curl -sS -m 10 -P - --disable-eprt -o /dev/null ftp://203.0.113.2/pub/small
#	finish
#
# Under software emulation a process takes 20 to 50 ms to start. So: builtins where possible, one "nft -f" or "ip -batch" for
# many rules or addresses, no $(...) around a function where a variable does, no sleep (wait_for, nap).
# Works on any box where the modules are installed, as root; status 0 passed, 1 failed, 4 skipped.

set -u
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C
export ALGCTL=${ALGCTL:-algctl}
HERE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
TMP=$(mktemp -d "${TMPDIR:-/tmp}/nf-alg.XXXXXX") || exit 1
chmod 755 "$TMP"
SUFFIX=$(printf '%04x' $((RANDOM % 65536)))
POINTS=0 FAILED=0 FINISHED=
declare -A PIDS=()	# daemon name -> process
declare -A NETNS=()	# short name -> namespace
ALG_LOADED=

PLAIN=${NF_ALG_PLAIN-}	# no KTAP: the demonstration talks to people
[ -n "$PLAIN" ] || echo "TAP version 13"

# ---- KTAP ----

ok() { POINTS=$((POINTS + 1)); printf 'ok %d %s\n' $POINTS "$1"; }

# fail TITLE [LINE...]
fail()
{
	POINTS=$((POINTS + 1)) FAILED=$((FAILED + 1))
	printf 'not ok %d %s\n' $POINTS "$1"
	shift
	[ $# = 0 ] || printf '# %s\n' "$@"
}

# skip TITLE REASON
skip() { POINTS=$((POINTS + 1)); printf 'ok %d %s # SKIP %s\n' $POINTS "$1" "$2"; }

diag() { printf '# %s\n' "$@"; }

# The whole test.
skip_all()
{
	[ -n "$PLAIN" ] && echo "Cannot run: $*" || echo "1..0 # SKIP $*"
	FINISHED=1
	exit 4
}

# need TOOL...: skip the test unless all are there. Words with a slash are files.
need()
{
	local tool
	[ "$EUID" = 0 ] || skip_all "needs root"
	for tool; do
		[[ $tool != */* ]] || { [ -e "$tool" ] || skip_all "no $tool"; continue; }
		command -v "$tool" >/dev/null || skip_all "no $tool"
	done
}

output_of_last()
{
	local line n=0
	while IFS= read -r line && [ $((n++)) -lt 20 ]; do
		printf '# %s\n' "$line"
	done <"$TMP/out"
}

# check TITLE COMMAND...: the command must succeed; what it said is shown if it does not, and stays in $TMP/out.
check()
{
	local title=$1 status
	shift
	"$@" >"$TMP/out" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		ok "$title"
		return 0
	fi
	fail "$title" "status $status: $*"
	output_of_last
	return 1
}

# check_fails TITLE COMMAND...: the command must fail.
check_fails()
{
	local title=$1
	shift
	if "$@" >"$TMP/out" 2>&1 </dev/null; then
		fail "$title" "succeeded, must not: $*"
		output_of_last
		return 1
	fi
	ok "$title"
}

# check_is TITLE GOT WANTED
check_is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1" "got:    $2" "wanted: $3"
	fi
}

# check_like TITLE GOT PATTERN: a bash pattern, such as '*helper=alg-ftp*'
check_like()
{
	# shellcheck disable=SC2053	# a pattern is what it is
	if [[ $2 == $3 ]]; then
		ok "$1"
	else
		fail "$1" "got:    $2" "wanted: $3"
	fi
}

# The last line of every test. Without it the test counts as broken off.
finish()
{
	FINISHED=1
	[ $FAILED = 0 ]
	exit
}

on_exit()
{
	local status=$? name

	trap - EXIT
	set +u
	if [ -z "$FINISHED" ]; then
		fail "the test ran to its end" "broke off with status $status"
	fi
	for name in "${!PIDS[@]}"; do
		stop "$name"
	done
	alg_unload || fail "the modules unload"
	if [ ${#NETNS[@]} -gt 0 ]; then
		printf 'netns del %s\n' "${NETNS[@]}" | ip -batch - 2>/dev/null
	fi
	rm -rf "$TMP"
	[ $POINTS = 0 ] || [ -n "$PLAIN" ] || echo "1..$POINTS"
	if [ $FAILED -gt 0 ]; then
		exit 1
	fi
	[ -n "$FINISHED" ] || status=1
	exit $status
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- waiting ----

exec {NAP}<> <(:)

# nap SECONDS: without a process
nap() { read -r -t "$1" -u $NAP _; return 0; }

# wait_for SECONDS COMMAND...: until the command succeeds; its status otherwise. Looks less often after a second.
wait_for()
{
	local -i now=${EPOCHREALTIME/[.,]}
	local -i deadline=$((now + $1 * 1000000)) soon=$((now + 1000000))
	local status
	shift
	while :; do
		"$@" && return 0
		status=$?
		now=${EPOCHREALTIME/[.,]}
		[ $now -lt $deadline ] || return $status
		if [ $now -lt $soon ]; then
			nap 0.05
		else
			nap 0.2
		fi
	done
}

# file_has FILE PATTERN: is there a line that matches the bash pattern?
file_has()
{
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2053	# a pattern
		[[ $line == $2 ]] && return 0
	done 2>/dev/null <"$1"
	return 1
}

# gone PID: has it ended? Bash may not have noticed yet.
gone()
{
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ $stat == *') Z '* ]]
}

# listens PID tcp|udp PORT: does anything in that process's namespace listen there?
listens()
{
	local file want line state=0A
	[ "$2" = tcp ] || state=07
	printf -v want '*:%04X *:0000 %s *' "$3" $state
	for file in "/proc/$1/net/$2" "/proc/$1/net/${2}6"; do
		while read -r line; do
			# shellcheck disable=SC2053	# a pattern
			[[ $line == $want ]] && return 0
		done 2>/dev/null <"$file"
	done
	return 1
}

listens_or_gone() { gone "$1" || listens "$@"; }

# ---- namespaces, daemons, captures ----

# setup_ns NAME...: makes NAME-suffix; the variable NAME and on() know it
setup_ns()
{
	local name
	for name; do
		NETNS[$name]=$name-$SUFFIX
		printf -v "$name" '%s' "$name-$SUFFIX"
	done
	for name; do
		printf 'netns add %s\n' "${NETNS[$name]}"
	done | ip -batch -
}

# on NS COMMAND...: the network of NS (as named in setup_ns), the files of everybody
on()
{
	local ns=$1
	shift
	nsenter --net="/run/netns/${NETNS[$ns]:-$ns}" -- "$@"
}

# sysctls NS NAME=VALUE...: net.-prefix is implied: sysctls r ipv4.ip_forward=1
sysctls()
{
	local ns=$1 pair name script=
	shift
	for pair; do
		name=${pair%%=*}
		script+="echo '${pair#*=}' >/proc/sys/net/${name//.//}"$'\n'
	done
	on "$ns" bash -c "$script"
}

# daemon NAME NS COMMAND...: in the background; what it says is in $TMP/NAME.log; its process in PIDS[NAME]
daemon()
{
	local name=$1 ns=$2
	shift 2
	nsenter --net="/run/netns/${NETNS[$ns]:-$ns}" -- "$@" </dev/null >"$TMP/$name.log" 2>&1 &
	PIDS[$name]=$!
}

# daemon_ready NAME tcp|udp PORT: at most 15 s
daemon_ready()
{
	wait_for 15 listens_or_gone "${PIDS[$1]}" "$2" "$3" && ! gone "${PIDS[$1]}" && return
	diag "$1 does not listen on $2/$3"
	cp "$TMP/$1.log" "$TMP/out" && output_of_last
	return 1
}

# stop NAME [SIGNAL]
stop()
{
	local pid=${PIDS[$1]-}
	[ -n "$pid" ] || return 0
	unset "PIDS[$1]"
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	wait_for 5 gone "$pid" || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# script_start NAME FILE [PYTHON-OPTION...]: a program here that script() gives commands; it is told the namespaces
declare -A SCRIPT_TO=() SCRIPT_FROM=()
# shellcheck disable=SC2034	# by its name
script_start()
{
	local name=$1 file=$2 ns to from pairs=()
	local -A answer
	shift 2
	coproc SCRIPT { exec python3 -S "$@" "$HERE/$file" 2>"$TMP/$name.log"; }
	# A subshell does not inherit the coprocess's own descriptors.
	exec {from}<&"${SCRIPT[0]}" {to}>&"${SCRIPT[1]}"
	SCRIPT_FROM[$name]=$from SCRIPT_TO[$name]=$to PIDS[$name]=$SCRIPT_PID
	for ns in "${!NETNS[@]}"; do
		pairs+=("$ns=${NETNS[$ns]}")
	done
	script "$name" answer 120 ns "${pairs[@]}"
}

# script NAME ARRAY SECONDS COMMAND WORD...: 0 or 1; the values of its answer go into the array, what went wrong to standard output
script()
{
	local -n values=$2
	local name=$1 seconds=$3 IFS=$'\t' status text word words
	shift 3
	printf '%s\n' "$*" >&"${SCRIPT_TO[$name]}"
	if ! read -r -t "$seconds" -u "${SCRIPT_FROM[$name]}" status text; then
		echo "the $name does not answer: $(<"$TMP/$name.log")"
		return 1
	fi
	if [ "$status" != 0 ]; then
		printf '%s\n' "$text"
		return 1
	fi
	read -ra words <<<"$text"
	for word in "${words[@]}"; do
		# shellcheck disable=SC2034	# the caller's
		values[${word%%=*}]=${word#*=}
	done
	return 0
}

# capture NAME NS INTERFACE [FILTER...]: packets to $TMP/NAME.pcap, from when it returns
capture()
{
	local name=$1 ns=$2 interface=$3
	shift 3
	daemon "$name" "$ns" tcpdump -Z root --immediate-mode -U -n -s 0 -B 4096 -i "$interface" -w "$TMP/$name.pcap" "$@"
	wait_for 15 file_has "$TMP/$name.log" '*listening on*'
}

# capture_stop NAME: the file is complete afterwards
capture_stop() { nap 0.1; stop "$1" INT; }

# ---- our modules ----

# alg_load [PROTOCOL...]: nf_alg, the protocols' modules, and nf_alg_nat unless ALG_NAT=0. Skips the test where they are not
# installed.
alg_load()
{
	local modules=(nf_alg) protocol

	[ "${ALG_NAT-1}" = 0 ] || modules+=(nf_alg_nat)
	for protocol; do
		modules+=("nf_alg_$protocol")
	done
	ALG_LOADED=1
	modprobe -a "${modules[@]}" >"$TMP/modprobe.log" 2>&1 && return
	if file_has "$TMP/modprobe.log" '*not found in directory*'; then
		skip_all "the modules are not installed: $(<"$TMP/modprobe.log")"
	fi
	fail "the modules load" "$(<"$TMP/modprobe.log")"
	return 1
}

# alg_modules: sets the array MODULES, those that need others first
alg_modules()
{
	local name rest
	MODULES=()
	while read -r name rest; do
		[[ $name != nf_alg* ]] || MODULES+=("$name")
	done </proc/modules
}

alg_loaded() { alg_modules; [ ${#MODULES[@]} -gt 0 ]; }

# alg_unload: everything of ours that this test loaded
alg_unload()
{
	[ -n "$ALG_LOADED" ] && alg_loaded || return 0
	rmmod "${MODULES[@]}" || return 1
	ALG_LOADED=
}

# alg NS ARGUMENTS...: algctl in a namespace
alg()
{
	local ns=$1
	shift
	on "$ns" "$ALGCTL" "$@"
}

# hold_transaction NS: somebody begins a transaction there, which is open until "stop transaction"
hold_transaction()
{
	rm -f "$TMP/transaction.log"
	daemon transaction "$1" python3 -S "$HERE/transaction.py"
	wait_for 20 file_has "$TMP/transaction.log" open
}

# shellcheck source=topo.sh
. "$HERE/topo.sh"
