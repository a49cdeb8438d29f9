# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154	# used by those who source this; variables of lib.sh
#
# What tests of policy and robustness share: the scripted FTP and TFTP ends of lab.py, counters, pinholes, expectations.
# Sourced after lib.sh. See lab.py for the commands.

declare -A L=()	# the last answer's values: ${L[public]}; of no use, but there, after a failure

# lab_start: after setup_ns
lab_start()
{
	local name pairs=()
	coproc LAB { exec python3 -S "$HERE/lab.py" 2>"$TMP/lab.log"; }
	# A subshell does not inherit the coprocess's own descriptors.
	exec {LAB_IN}<&"${LAB[0]}" {LAB_OUT}>&"${LAB[1]}"
	PIDS[lab]=$LAB_PID
	for name in "${!NETNS[@]}"; do
		pairs+=("$name=${NETNS[$name]}")
	done
	lab ns "${pairs[@]}"
}

# lab COMMAND WORD...: 0 or 1; values in L; what went wrong on standard output
lab()
{
	local IFS=$'\t' status text word words
	L=([saw]=nothing [said]=something [changed]=-1 [port]=0 [public]=none [peer]=none [peerport]=0 [n]=-1 [lowest]=0 [highest]=0
		[list]='')
	printf '%s\n' "$*" >&"$LAB_OUT"
	if ! read -r -t 120 -u "$LAB_IN" status text; then
		echo "the lab does not answer: $(<"$TMP/lab.log")"
		return 1
	fi
	if [ "$status" != 0 ]; then
		printf '%s\n' "$text"
		return 1
	fi
	read -ra words <<<"$text"
	for word in "${words[@]}"; do
		L[${word%%=*}]=${word#*=}
	done
	return 0
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
