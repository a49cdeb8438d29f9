#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Observe mode: the same bytes on both sides, nothing opened, everything counted and reported.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
fw r filter masquerade
alg_load ftp tftp
lab_start
alg r policy add watch ftp observe tftp observe
alg r tenant add default policy watch
daemon monitor r "$ALGCTL" -j monitor
watching() { [ -n "${PIDS[monitor]}" ] && ! gone "${PIDS[monitor]}" && listens_events; }
listens_events()
{
	local line
	while read -r line; do
		# generic netlink, of the monitor, in a group
		[[ $line == *\ 16\ * && $line != *\ 00000000\ * ]] && return 0
	done < <(on r cat /proc/net/netlink)
	return 1
}
wait_for 5 watching
lab sniff lan r lan0
lab sniff wan r wan0

lab open a c1 s1 203.0.113.2
for kind in PORT EPRT PASV EPSV; do
	lab announce a $kind
	check_is "$kind arrives as it was sent" "${L[saw]}" "${L[said]}"
done
check_fails "active: nobody gets in" lab get a PORT $SHORT
check_fails "passive: nobody gets out" lab get a PASV $SHORT
check "the control connection lives" lab noop a
check "all segments are the same on both sides: bytes, sequence numbers, flags" lab same lan wan 21
check "... a whole conversation" [ "${L[n]}" -ge 20 ]
check_counter "observed" r default observed 6
counter r default opened
check_is "nothing was opened" "$N" 0
counter r default rewritten
check_is "nothing was rewritten" "$N" 0
expectations r
check_is "no expectation" "$N" 0
check_pinholes "no pinhole" r 0
check_fails "TFTP: the answer does not come through" lab tftp c1 s1 203.0.113.2 $SHORT
counter r default observed tftp
check_is "... but it was observed" "$N" 1

reported() { file_has "$TMP/monitor.log" '*observed*'; }
check "the monitor reports it" wait_for 5 reported
opened() { file_has "$TMP/monitor.log" '*pinhole-opened*'; }
check_fails "... and no pinhole" opened

# On: the same connection is served.
alg r policy set watch ftp on
check "switched on, the same connection is served" lab get a PORT
check_fails "... and the bytes differ" lab same lan wan 21
check "... which the monitor reports" wait_for 5 opened
alg r policy set watch ftp observe
lab announce a PORT
check_is "observed again" "${L[changed]}" 0
finish
