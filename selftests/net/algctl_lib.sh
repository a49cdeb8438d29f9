# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What tests of algctl share beyond lib.sh: a command, its status, what it says, as text and as JSON.

. "${BASH_SOURCE[0]%/*}/lib.sh"
ALGCTL=${ALGCTL:-algctl}
BOX=box	# namespace that algctl works on

# run WORD...: algctl in namespace BOX; OUT, ERR and STATUS are what came of it
run()
{
	on $BOX "$ALGCTL" "$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
	STATUS=$? OUT=$(<"$TMP/stdout") ERR=$(<"$TMP/stderr")
}

# does TITLE STATUS PATTERN WORD...: its status, and a bash pattern of what it says (either way)
does()
{
	local title=$1 status=$2 pattern=$3
	shift 3
	run "$@"
	# shellcheck disable=SC2053	# a pattern
	if [ $STATUS = "$status" ] && [[ $OUT$ERR == $pattern ]]; then
		ok "$title"
	else
		fail "$title" "algctl $*" "status $STATUS, wanted $status" "said: $OUT$ERR" "wanted: $pattern"
	fi
}

# refuses TITLE MESSAGE ARGUMENT WORD...: status 2, both shown, also as JSON
refuses()
{
	local title=$1 message=$2 argument=$3
	shift 3
	does "$title" 2 "*$message*argument: $argument" "$@"
	run -j "$@"
	json "$title, as JSON" 'status == 2 and argv[0] in d["error"] and d["argument"] == argv[1] and d["code"]' \
		"$message" "$argument"
}

# judge: answers json(); one process for all, for python takes long to start in an emulated guest
# shellcheck disable=SC2153	# coproc sets JUDGE_PID
judge()
{
	coproc JUDGE {
		exec python3 -E -S -u -c '
import json, sys
for line in sys.stdin:
    file, status, expression, *argv = line.rstrip("\n").split("\x1f")
    try:
        with open(file) as said:
            true = eval(expression, {"d": json.load(said), "status": int(status), "argv": argv})
        print("yes" if true else "no")
    except Exception as problem:
        print("no", repr(problem).replace("\n", " "))
' 2>&1
	}
	PIDS[judge]=$JUDGE_PID
	exec {JUDGE_IN}<&"${JUDGE[0]}" {JUDGE_OUT}>&"${JUDGE[1]}"
}

# json TITLE EXPRESSION [ARGUMENT...]: the output is JSON, of which the Python expression (of d, status, argv) is true
json()
{
	local title=$1 expression=$2 answer IFS=$'\x1f'
	shift 2
	[ -n "${PIDS[judge]-}" ] || judge
	printf '%s\n' "$TMP/stdout"$'\x1f'"$STATUS"$'\x1f'"${expression//$'\n'/ }"$'\x1f'"$*" >&"$JUDGE_OUT"
	read -r -t 60 -u "$JUDGE_IN" answer || answer="no answer"
	if [ "$answer" = yes ]; then
		ok "$title"
	else
		fail "$title" "$expression" "$OUT$ERR" "$answer"
	fi
}

# field TITLE EXPRESSION WORD...: the same for a new command
field()
{
	local title=$1 expression=$2
	shift 2
	run -j "$@"
	json "$title" "$expression"
}

subscribed()	# subscribed PID: does it listen to a multicast group of generic netlink?
{
	local _ protocol groups
	while read -r _ protocol _ groups _; do
		[ "$protocol" != 16 ] || [ "$groups" = 00000000 ] || return 0
	done <"/proc/$1/net/netlink"
	return 1
}
