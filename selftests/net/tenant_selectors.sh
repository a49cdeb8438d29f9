#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whose traffic is it? By mark and mask, zone, interface, VRF, and the default tenant, in this order.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_tenants
# What is under way when connections are removed does not begin them anew.
sysctls r netfilter.nf_conntrack_tcp_loose=0
ip -n "$r" -batch - <<-END
	link add vrfA type vrf table 101
	link set vrfA up
	link set lanA master vrfA
	route add 192.168.1.0/24 dev lanA table 101
	route add 203.0.113.0/24 dev wan0 table 101
END
fw r filter tenants=addresses "accept=iifname vrfA tcp dport 21 ct state new"
# Marks of the inside's packets that name a tenant; routing of the outside's uses its own.
on r nft -f - <<-END
	table inet marks {
		chain pre {
			type filter hook prerouting priority mangle
			iifname lanA meta mark set 0x4701
		}
	}
	add rule ip nat post oifname wan0 meta mark 0x4701 snat to 203.0.113.1
END
alg_load ftp
lab_start

# takes TENANT TITLE: a new control connection of A is that tenant's
number=0
takes()
{
	local name=s$((number += 1))
	remember r "$1" sessions
	lab open "$name" a1 s1 203.0.113.2
	check "$2" lab get "$name" PORT
	check_grew "... as tenant $1's" r "$1" sessions 1
	lab close "$name"
}

alg r tenant add exact mark 0x4701
alg r tenant add long mark 0x4700/0xff00
alg r tenant add short mark 0x4000/0xf000
alg r tenant add zone zone 1
alg r tenant add interface interface lanA
alg r tenant add vrf interface vrfA
alg r tenant add default
alg r tenant add other zone 7 # never hit
alg r tenant set other mark 0x4801/0xff01 zone 7 interface lanB

takes exact "mark without mask comes first"
alg r tenant del exact
takes long "of several masks the longest"
alg r tenant del long
takes short "a shorter mask"
alg r tenant set short mark 0x5000/0xf000
takes zone "the zone, when no mark matches"
alg r tenant set zone no-selectors
takes interface "the interface, when no zone matches"
alg r tenant del interface
takes vrf "the interface's VRF"
alg r tenant del vrf
takes default "the default tenant gets the rest"
counter r other sessions
check_is "a tenant whose selectors don't match gets nothing" "$N" 0
alg r tenant del default
check "connections are flushed" on r conntrack -F
lab open last a1 s1 203.0.113.2
check "nobody's control connection works" lab announce last PORT
check_is "... and is left alone" "${L[saw]}" "${L[said]}"
check_status "no session" r sessions 0

# Two tenants can't have the same selector.
alg r tenant set zone zone 1
check_fails "a selector that another tenant has is refused" alg r tenant add twin zone 1
check_fails "... a mark and mask, too" alg r tenant add twin mark 0x5000/0xf000

# Other tenants go by interface while A goes by zone: B's traffic in zone 2 by lanB.
alg r tenant set other zone 7,8 interface lanB
remember r other sessions
lab open b b1 s1 203.0.113.2
check "one tenant of several selectors, by interface" lab get b PASV
check_grew "... as tenant other's" r other sessions 1
finish
