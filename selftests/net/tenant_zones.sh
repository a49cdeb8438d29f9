#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two tenants with the same private addresses behind one CGNAT, in conntrack zones 1 and 2; one of them has FTP off.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_tenants
fw r filter tenants=addresses
alg_load ftp tftp
lab_start

check "policies and tenants by zone" alg r policy add quiet ftp off
alg r tenant add blue zone 1
alg r tenant add green zone 2 policy quiet

lab open blue a1 s1 203.0.113.2
lab open green b1 s1 203.0.113.2
for kind in PORT EPRT PASV EPSV; do
	check "zone 1, FTP on: $kind" lab get blue $kind
	check_fails "zone 2, FTP off: $kind, same private address" lab get green $kind $SHORT
done
check "zone 2: PORT arrives" lab announce green PORT
check_is "zone 2: unchanged" "${L[saw]}" "${L[said]}"
check "both control connections live" lab noop blue green
check_counter "tenant in zone 1 has its pinholes" r blue opened 4
check_counter "tenant in zone 2 has none" r green opened 0
lab close green

# Both on: the same port on the same private address, at the same server, at once.
alg r policy set quiet ftp on
lab open green b1 s1 203.0.113.2
lab announce blue PORT port=5001
check_like "zone 1 announces port 5001" "${L[public]}" "203.0.113.1:*"
lab announce green PORT port=5001
check_like "zone 2 announces the same" "${L[public]}" "203.0.113.10:*"
check_pinholes "two pinholes" r 2
check "the connection reaches zone 1" lab come blue
check "the connection reaches zone 2" lab come green
check_counter "zone 2's pinhole was counted for its tenant" r green used 1
check "TFTP in zone 1" lab tftp a1 s1 203.0.113.2 sport=7000
check "TFTP in zone 2 from the same port" lab tftp b1 s1 203.0.113.2 sport=7000
lab close blue green

# One public address, told apart by port blocks.
on r conntrack -F >/dev/null 2>&1
fw r filter tenants=blocks
alg r tenant set blue ports 10000-10063
alg r tenant set green ports 20000-20063
lab sniff wan r wan0
lab open blue a1 s1 203.0.113.2
lab open green b1 s1 203.0.113.2
for kind in PORT PASV; do
	check "one address, block of zone 1: $kind" lab get blue $kind
	check "one address, block of zone 2: $kind" lab get green $kind
done
lab announce blue EPRT port=5002
check_like "zone 1's pinhole is in its block" "${L[public]}" "203.0.113.1:100[0-6][0-9]"
lab announce green EPRT port=5002
check_like "zone 2's pinhole is in its block" "${L[public]}" "203.0.113.1:200[0-6][0-9]"
lab ports wan 203.0.113.1
stray=0
for port in ${L[list]//,/ }; do
	((port >= 10000 && port <= 10063 || port >= 20000 && port <= 20063)) || stray=$((stray + 1))
done
check_is "on the wire no port of the address is outside both blocks" "$stray of ${L[n]} outside" "0 of ${L[n]} outside"
finish
