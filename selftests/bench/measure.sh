#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's part of "make bench": sets up the namespaces (enum bench_lane of bench.h), loads configurations, lets module
# nf_alg_bench measure. Prints figures as diagnostic lines, "# bench KEY ...", fields separated by tabs, for report.py.

set -u
TENANTS=65536 POLICIES=1000
tree=${NF_ALG_TOP:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}
load=$tree/build/bench/load
module=$tree/build/bench/nf_alg_bench.ko
rounds=${1:-200} only=${2-}

fail() { echo "not ok 1 $1"; echo "1..1"; exit 1; }
figure() { local IFS=$'\t'; printf '# bench\t%s\n' "$*"; }
inside() { nsenter "--net=/run/netns/$1" "${@:2}"; }	# no mount namespace: cheaper than ip netns exec

# Memory of the whole guest in use, and of slabs, in bytes. Caches of files are not counted.
memory_used()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemAvailable/ { printf "%d\n", -$2 * 1024 }' /proc/meminfo
}

slab_used() { awk 'NR > 2 { sum += $15 * $6 * 4096 } END { printf "%d\n", sum }' /proc/slabinfo; }

modprobe -a nf_alg nf_alg_nat nf_alg_ftp nf_alg_tftp nf_alg_sip nf_alg_pptp nf_alg_ike || fail "our modules load"
# A trunk's calls have eight expectations each.
echo 200000 >/proc/sys/net/netfilter/nf_conntrack_expect_max
echo 200000 >/proc/sys/net/netfilter/nf_conntrack_max
for lane in plain twin empty one many esp; do
	ip netns add "$lane" || fail "namespaces"
done

inside one "$load" 1 1 >/dev/null || fail "one tenant is loaded"
inside esp "$load" 1 1 >/dev/null || fail "one tenant is loaded"
inside esp "$tree/build/tools/algctl" --store none policy set policy-0 ike option max-tunnels=0 ||
	fail "as many tunnels as it takes"
inside esp ip link add esp0 type veth peer name esp1 || fail "an interface"
inside esp nft -f - <<-EOF || fail "sources are translated"
	table ip nat {
		chain post { type nat hook postrouting priority srcnat;
			ip saddr 10.0.0.0/8 udp sport 500 snat to 198.51.100.7:1024-65535
			ip saddr 10.0.0.0/8 snat to 198.51.100.7; }
	}
EOF
inside many "$load" 1 1 >/dev/null || fail "one tenant is loaded"
before=$(memory_used) slabs=$(slab_used)
first=$(inside many "$load" $TENANTS $POLICIES) || fail "$TENANTS tenants are loaded"
figure memory $TENANTS $(($(memory_used) - before)) $(($(slab_used) - slabs))
mapfile -t times < <(inside many "$load" $TENANTS $POLICIES 5)
[ ${#times[@]} = 5 ] || fail "$TENANTS tenants are loaded again"
figure load "$first"
figure reload "${times[@]}"

insmod "$module" nets=11,12,13,14,15 esp_net=16 "rounds=$rounds" ${only:+"only=$only"} \
	11</run/netns/plain 12</run/netns/twin 13</run/netns/empty \
	14</run/netns/one 15</run/netns/many 16</run/netns/esp || fail "the measuring module loads"
while IFS= read -r line; do
	printf '# bench\t%s\n' "$line"
done </proc/nf_alg_bench
rmmod nf_alg_bench
echo "ok 1 measured"
echo "1..1"
