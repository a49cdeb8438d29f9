#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# setup_ns sets variables; does calls functions
#
# algctl's store in front of the real kernel: what runs becomes version 1, changes and propagate reach the kernel, what the kernel
# refuses stays nowhere, differences are seen and repaired, a restart begins with what the store has.

. "$(dirname "$0")/lib.sh"
ALGCTL=${ALGCTL:-algctl}
need "$ALGCTL" ip
alg_load ftp tftp sip
setup_ns box
shopt -s extglob
export ALGCTL_STORE=$TMP/store.db

# does TITLE STATUS PATTERN WORD...: its status, and a bash pattern of what it says (either way)
does()
{
	local title=$1 status=$2 pattern=$3 got said
	shift 3
	on box "$ALGCTL" "$@" >"$TMP/said" 2>&1 </dev/null
	got=$? said=$(<"$TMP/said")
	# shellcheck disable=SC2053	# a pattern
	if [ $got = "$status" ] && [[ $said == $pattern ]]; then
		ok "$title"
	else
		fail "$title" "algctl $*" "status $got, wanted $status" "said: $said" "wanted: $pattern"
	fi
}

# kernel TITLE PATTERN: what the kernel itself has
kernel() { ALGCTL_STORE=none does "$1" 0 "$2" export; }

in_step() { does "$1" 0 "*the kernel has what the store has*" store status; }

ALGCTL_STORE=none does "a tenant without a store" 0 "" tenant add old zone 5
does "a store is made" 0 "made the store*" store init
does "what runs is version 1" 0 "*VERSION*1 *" tenant versions old
in_step "store and kernel agree"

does "a policy that nobody has" 0 "" policy add gold ftp off description "gold customers" tags vip
kernel "is not in the kernel" "!(*gold*)"
does "a template" 0 "" template add business policy gold max-sessions 100 ports 1024-2047 block 64
does "a tenant of the template" 0 "" tenant add acme template business zone 7
kernel "has policy and limits in the kernel" \
	"*gold:*ftp: off*acme:*policy: gold*zone: 7*max-sessions: 100*ports: 1024-2047*block: 64*"
does "an edit" 0 "" policy set gold sip off
kernel "touches nothing that is applied" "!(*sip: off*)"
does "propagate shows what it would do" 0 \
	"*template business@1 -> 2*tenant acme@1 -> 2*policy gold version 1 -> 2*sip mode on -> off*" \
	policy propagate gold --dry-run
kernel "and does nothing yet" "!(*sip: off*)"
does "propagate" 0 "*tenant acme@1 -> 2*" policy propagate gold
kernel "reaches the kernel" "*version: 2*sip: off*"
does "only one of two tenants" 0 "" tenant add bob template business zone 8
does "a new version" 0 "" policy set gold tftp observe
does "for one tenant" 0 "*tenant bob@1 -> 2*" policy propagate gold only tenant:bob
kernel "both versions are in the kernel" "*gold:*tftp: observe*gold.v2:*policy: gold.v2*policy: gold*"
does "back again" 0 "" policy rollback gold@2
does "to all" 0 "*" policy propagate gold from all
does "to all templates" 0 "*" template propagate business from all
kernel "one version is left" "!(*gold.v*)"
in_step "store and kernel agree after that"

does "the kernel's refusal names the words" 2 "*tenant acme has it*argument: zone 7*" tenant add eve zone 7
does "and leaves nothing in the store" 2 "*does not exist*" tenant show eve
does "but an entry in the log" 0 "*refused: tenant 'eve'*" log show refused
printf 'tenants:\n  acme: {zone: 7}\n  bob:\n    zone: [8, 7]\n' >"$TMP/bad.yaml"
does "in a file it names line and column" 2 "*bad.yaml:4:15: tenant 'bob': *acme has it*" apply "$TMP/bad.yaml"
in_step "and all is as it was"

on box "$ALGCTL" export >"$TMP/whole.yaml"
does "the export is applied without a change" 0 "*0 added, 0 changed, 0 removed*" apply "$TMP/whole.yaml"
ALGCTL_STORE=none does "a change behind the store's back" 0 "" tenant set acme zone 17
ALGCTL_STORE=none does "another" 0 "" tenant del bob
does "is seen" 0 "*differs*~ tenant acme zone 17 -> 7*+ tenant bob*" status
does "and repaired" 0 "*1 added, 1 changed, 0 removed*" restore
in_step "store and kernel agree again"

alg_unload || fail "the modules unload"
alg_load ftp tftp sip
kernel "after a restart the kernel is empty" "!(*acme*)"
does "restore brings everything" 0 "*+ tenant acme*" restore
in_step "as the store has it"
does "the log is whole" 0 "*complete and unchanged*" log verify
finish
