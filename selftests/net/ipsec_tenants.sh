#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, a1 and so on are set by setup_ns; RULES is read by box_fw
#
# IPsec clients of two tenants with the same private addresses, told apart by conntrack zones, to one gateway, with real IKE
# daemons; each as its tenant's policy says.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
topo_tenants
inner_address s1 10.20.1.1 203.0.113.1
ip -n "$s1" route add 10.1.2.0/24 via 203.0.113.10
inner_address a1 10.1.1.1
inner_address b1 10.1.2.1
bed_start
bed server s1 10.20.1.1
bed watch s1 a1 b1
bed client a1 10.1.1.1 10.20.1.1
bed client b1 10.1.2.1 10.20.1.1
alg_start ike
RULES[r]="add rule inet zones pre iifname wan0 ip protocol esp ip daddr 203.0.113.1 ct zone set 1 meta mark set 1
add rule inet zones pre iifname wan0 ip protocol esp ip daddr 203.0.113.10 ct zone set 2 meta mark set 2"
box_fw r filter tenants=addresses accept='iifname { lanA, lanB } udp dport { 500, 4500 } ct state new'
alg r policy add full
alg r policy add none ike off
alg r tenant add acme policy full zone 1
alg r tenant add bravo policy none zone 2
ike_peer s1 < <(
	ike_conn v2-a1 left=203.0.113.2 leftid=@s1 leftsubnet=10.20.1.0/24 right=%any rightid=@a1 rightsubnet=10.1.1.0/24
	ike_conn v2-b1 left=203.0.113.2 leftid=@s1 leftsubnet=10.20.1.0/24 right=%any rightid=@b1 rightsubnet=10.1.2.0/24)
n=1
for ns in a1 b1; do
	ike_peer $ns < <(ike_conn v2 left=192.168.1.11 leftid=@$ns leftsubnet=10.1.$n.0/24 right=203.0.113.2 rightid=@s1 \
		rightsubnet=10.20.1.0/24)
	n=2
done
ike_ready s1 a1 b1 || finish

check "IKE works" ike_up v2 a1
check "IKE of the other tenant works" ike_up v2 b1
check "a tenant whose policy allows it: datagrams and TCP pass" tunnels_work a1 || what_is_wrong
check "one whose policy does not: no ESP passes" bed closed b1
alg r policy set none ike on
check "the policy is changed: the IKE session that there is makes new SAs" ike_rekey v2 b1
check "... both tunnels work" tunnels_work a1 b1 || what_is_wrong
for tenant in acme bravo; do
	tunnels r tenant $tenant
	check_is "$tenant has one tunnel" "$N" 1
done
alg r tunnel show >"$TMP/tunnels"
check "acme's public address" grep -q 'acme.*192.168.1.11.*203.0.113.2.*203.0.113.1 ' "$TMP/tunnels"
check "bravo's public address" grep -q 'bravo.*192.168.1.11.*203.0.113.2.*203.0.113.10 ' "$TMP/tunnels"
check "new SAs of both" ike_rekey v2 a1 b1
check "... work" tunnels_work a1 b1 || what_is_wrong
alg r policy set none ike off
check "the policy is changed back: that tenant's ESP does not pass" bed closed b1
check "... the other's does" tunnels_work a1 || what_is_wrong
finish
