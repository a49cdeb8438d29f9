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
	json "$title, as JSON" 'status == 2 and sys.argv[2] in d["error"] and d["argument"] == sys.argv[3] and d["code"]' \
		"$message" "$argument"
}

# json TITLE EXPRESSION [ARGUMENT...]: the output is JSON, of which the Python expression (d, status) is true
json()
{
	local title=$1 expression=$2
	shift 2
	if python3 -c "import json, sys; status = $STATUS; d = json.load(open('$TMP/stdout')); sys.exit(not ($expression))" - "$@" \
		2>"$TMP/python"; then
		ok "$title"
	else
		fail "$title" "$expression" "$OUT$ERR" "$(<"$TMP/python")"
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
