# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034	# c1, r and so on are set by setup_ns
#
# What the tests ipsec_*.sh share beyond ftp_lib.sh (alg_box, alg_start, alg_switch): libreswan in any namespace, clients beside c1
# and c2, and ipsec_bed.py, which sends through tunnels and knows what was on the wire.
#
# Client cN has 10.1.N.1 behind it, gateway s1 10.20.1.1; both are on the loopback device. Nobody between has routes to these: what
# arrives there came through a tunnel.

. "${BASH_SOURCE[0]%/*}/ftp_lib.sh"

# IKE may be begun from inside. ESP is admitted as related or established only.
IKE_FILTER='accept=iifname lan0 udp dport { 500, 4500 } ct state new'
IKE_CHILD='*stablished Child SA*|*IPsec SA established*'
IKE_REKEYED='*rekeyed Child SA*'

for IPSEC in ${PATH//:/ }; do
	IPSEC=${IPSEC%/*}/libexec/ipsec
	[ ! -x "$IPSEC/pluto" ] || break
done

# ipsec_needs: skips the test where libreswan or the kernel's ESP is missing
ipsec_needs()
{
	need nft python3 certutil "$IPSEC/pluto" "$IPSEC/whack" "$IPSEC/addconn"
	# Loaded in the middle of a negotiation they would take seconds.
	modprobe -a esp4 esp6 xfrm_user gcm ghash_generic seqiv 2>/dev/null || [ -e /proc/net/xfrm_stat ] ||
		ip xfrm state 2>/dev/null || skip_all "this kernel has no ESP"
	modprobe -a aesni_intel ghash_clmulni_intel 2>/dev/null
}

# ---- topology ----

# topo_ipsec [CLIENTS]: topo_lan with clients up to that number, inner addresses, and the bed
topo_ipsec()
{
	local n more=()
	topo_lan
	for ((n = 3; n <= ${1-2}; n++)); do
		more+=("c$n")
	done
	[ ${#more[@]} = 0 ] || topo_more_clients "${more[@]}"
	inner_address s1 10.20.1.1 203.0.113.1
	for ((n = 1; n <= ${1-2}; n++)); do
		inner_address "c$n" "10.1.$n.1"
	done
	bed_start
	bed server s1 10.20.1.1
	bed watch s1
	for ((n = 1; n <= ${1-2}; n++)); do
		bed client "c$n" "10.1.$n.1" 10.20.1.1
		bed watch "c$n"
	done
}

# inner_address NS ADDRESS [ROUTER]: with a router, the way to 10.1.0.0/16 by way of it
inner_address()
{
	{
		echo "addr add $2/32 dev lo"
		[ -z "${3-}" ] || echo "route add 10.1.0.0/16 via $3"
	} | ip -n "${NETNS[$1]}" -batch -
}

# ---- the bed ----

declare -A B=()	# the last answer's values

bed_start() { script_start bed ipsec_bed.py -B -E; }

# bed COMMAND WORD...: 0 or 1; values in B; what went wrong on standard output
bed()
{
	B=()
	script bed B 150 "$@"
}

# tunnels_work NS...: all at once answer, carry datagrams and TCP; nobody got anybody else's ESP
tunnels_work()
{
	local status try
	for try in once again; do
		status=0
		bed up "$@" && bed echo 5 64 "$@" && break
		# "up" may have been answered by way of old SAs; the first packet on a new one may have to wait (esp-waits).
		status=1
	done
	[ $status = 1 ] || bed tcp 50000 "$@" || status=1
	bed spis "$@" && return $status
}

# ---- the ALG's view ----

# tunnels NS [WORD...]: sets N to how many algctl tunnel show has
tunnels()
{
	local ns=$1
	shift
	N=0
	while read -r _; do
		N=$((N + 1))
	done < <(alg "$ns" -j tunnel show "$@" | grep '"client"')
}
tunnels_are() { tunnels "$1"; [ "$N" = "$2" ]; }
check_tunnels()	# check_tunnels TITLE COUNT: on r
{
	wait_for 10 tunnels_are r "$2"
	check_is "$1" "$N tunnels" "$2 tunnels"
}

# counted REASON: sets N to the counter of the default tenant on r
counted()
{
	local name value
	N=0
	while read -r name value _; do
		[ "$name" != "$1" ] || N=$value
	done < <(alg r stats show tenant default protocol ike 2>&1)
}

# what_is_wrong: for the log, what the box thinks
what_is_wrong()
{
	local line
	while IFS= read -r line; do
		printf '# %s\n' "$line"
	done < <(alg r tunnel show sas 2>&1; alg r stats show protocol ike 2>&1; on r conntrack -L 2>/dev/null)
}

# ---- libreswan ----

# The database of keys and certificates, empty, that each gets a copy of.
ike_nss()
{
	[ -d "$TMP/nss" ] && return
	# Its home is compiled in.
	[ -e /usr/libexec/ipsec ] || ln -s "$IPSEC" /usr/libexec/ipsec
	mkdir -p "$TMP/nss"
	certutil -N -d "sql:$TMP/nss" --empty-password >"$TMP/out" 2>&1 || { fail "certutil" "$(<"$TMP/out")"; return 1; }
}

# ike_peer NS: starts pluto with the connections on standard input, in ipsec.conf's syntax; see ike_ready
ike_peer()
{
	local dir=$TMP/ike-$1
	ike_nss
	mkdir -p "$dir/run" "$dir/d"
	cp -r "$TMP/nss" "$dir/nss"
	echo ': PSK "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"' >"$dir/secrets"
	{
		printf 'config setup\n ikev1-policy=accept\n uniqueids=yes\n'
		printf 'conn %%default\n authby=secret\n leftupdown=%%disabled\n'
		printf ' ike=aes256-sha2_256;dh19\n esp=aes_gcm256\n pfs=no\n'
		cat
	} >"$dir/ipsec.conf"
	CONNS[$1]=$(($(grep -c ^conn "$dir/ipsec.conf") - 1))
	ike_start "$1"
}

declare -A CONNS=()	# how many connections it has
ike_start()
{
	local dir=$TMP/ike-$1
	rm -rf "$dir/run"
	mkdir -p "$dir/run"
	MARK[$1]=0
	daemon "pluto-$1" "$1" "$IPSEC/pluto" --config "$dir/ipsec.conf" --nofork --stderrlog --rundir "$dir/run" \
		--nssdir "$dir/nss" --ipsecdir "$dir/d" --secretsfile "$dir/secrets" --dumpdir "$dir" \
		--nhelpers 0 --no-dnssec --log-no-audit
}

# whack NS ARGUMENTS...
whack()
{
	local ns=$1
	shift
	on "$ns" "$IPSEC/whack" --rundir "$TMP/ike-$ns/run" "$@"
}

# ike_ready NS...: they listen and know their connections
ike_ready()
{
	local ns
	for ns; do
		if ! wait_for 60 ike_listens "$ns" || gone "${PIDS[pluto-$ns]}"; then
			tail -n 15 "$TMP/pluto-$ns.log" >"$TMP/out"
			fail "pluto starts in $ns"
			output_of_last
			return 1
		fi
	done
}

ike_listens()
{
	gone "${PIDS[pluto-$1]}" && return
	ike_said "$1" '*added * connection*' "${CONNS[$1]}" && ike_said "$1" '*listening for IKE messages*'
}

# ike_conn NAME WORD...: a connection, words are its lines. Without NAT traversal unless one says otherwise.
ike_conn()
{
	printf 'conn %s\n' "$1"
	shift
	printf ' %s\n' auto=add "$@"
	[[ " $*" == *' encapsulation='* ]] || printf ' encapsulation=no\n nat-ikev1-method=none\n'
}

declare -A IKE_KIND=([v2]=ikev2=yes [v1]=ikev2=no [aggressive]="ikev2=no aggressive=yes")

# ike_client NS NUMBER [WORD...]: connections v2, v1 and aggressive of a client to 203.0.113.2; words are lines of each
ike_client() { ike_peer "$1" < <(ike_client_conns "$@"); }
ike_client_conns()
{
	local ns=$1 n=$2 kind
	shift 2
	for kind in v2 v1 aggressive; do
		# shellcheck disable=SC2086	# words
		ike_conn $kind "left=192.168.1.$((10 + n))" "leftid=@$ns" "leftsubnet=10.1.$n.0/24" right=203.0.113.2 rightid=@s1 \
			rightsubnet=10.20.1.0/24 ${IKE_KIND[$kind]} "$@"
	done
}

# ike_gateway NS CLIENTS [WORD...]: connections v2-c1 and so on of a gateway at 203.0.113.2
ike_gateway() { ike_peer "$1" < <(ike_gateway_conns "$@"); }
ike_gateway_conns()
{
	local n clients=$2 kind
	shift 2
	for ((n = 1; n <= clients; n++)); do
		for kind in v2 v1 aggressive; do
			# shellcheck disable=SC2086	# words
			ike_conn "$kind-c$n" left=203.0.113.2 leftid=@s1 leftsubnet=10.20.1.0/24 right=%any "rightid=@c$n" \
				"rightsubnet=10.1.$n.0/24" ${IKE_KIND[$kind]} "$@"
		done
	done
}

# What pluto says is counted from the last ike_mark on.
declare -A MARK=()
ike_mark()	# ike_mark NS...
{
	local ns lines
	for ns; do
		mapfile -t lines <"$TMP/pluto-$ns.log"
		MARK[$ns]=${#lines[@]}
	done
}

# ike_said NS PATTERN[|PATTERN...] [COUNT]: in that many lines (1) at least
ike_said()
{
	local line n=0 lines one IFS='|'
	mapfile -t -s "${MARK[$1]-0}" lines <"$TMP/pluto-$1.log"
	for line in "${lines[@]}"; do
		for one in $2; do
			# shellcheck disable=SC2053	# patterns
			[[ $line == $one ]] && n=$((n + 1)) && break
		done
	done
	[ $n -ge "${3-1}" ]
}

# ike_begin CONNECTION HOW NS...: all at once
ike_begin()
{
	local conn=$1 how=$2 ns
	local -A started=()
	shift 2
	ike_mark "$@"
	for ns; do
		whack "$ns" --name "$conn" "$how" --asynchronous >/dev/null &
		started[$ns]=$!
	done
	wait "${started[@]}"
}

# ike_up CONNECTION NS...: all begin at once, and have their SAs. 0: all of them do.
ike_up()
{
	local conn=$1 ns status=0
	shift
	ike_begin "$conn" --initiate "$@"
	for ns; do
		wait_for "${IKE_PATIENCE-60}" ike_said "$ns" "$IKE_CHILD" && continue
		echo "$ns has no tunnel:"
		tail -n 3 "$TMP/pluto-$ns.log"
		echo "and a gateway says:"
		tail -n 12 "$TMP/pluto-s1.log"
		status=1
	done
	return $status
}

# ike_down CONNECTION NS...: tells the gateway, and forgets the policy
ike_down()
{
	local conn=$1 ns
	shift
	for ns; do
		whack "$ns" --name "$conn" --terminate >/dev/null
		whack "$ns" --name "$conn" --unroute >/dev/null
	done
}

# ike_rekey CONNECTION NS...: new ESP SAs, begun at once; 0: all have them
ike_rekey()
{
	local conn=$1 ns status=0 how=--rekey-ipsec
	shift
	[[ $conn != v1 && $conn != aggressive ]] || how=--initiate	# with IKEv1 it is another Quick Mode
	ike_begin "$conn" "$how" "$@"
	for ns; do
		wait_for 60 ike_said "$ns" "$IKE_REKEYED|$IKE_CHILD" && continue
		echo "$ns has no new SAs:"
		tail -n 5 "$TMP/pluto-$ns.log"
		status=1
	done
	return $status
}

# ike_crash NS: without a word to anybody, and its SAs are gone
ike_crash()
{
	stop "pluto-$1" KILL
	ip -n "${NETNS[$1]}" -batch - <<<$'xfrm state flush\nxfrm policy flush'
}

# ---- ten clients ----

ALL=(c1 c2 c3 c4 c5 c6 c7 c8 c9 c10)

# ten_clients: all of them, a gateway, and the box between
ten_clients()
{
	local ns
	topo_ipsec ${#ALL[@]}
	alg_start ike
	alg_box r filter masquerade "$IKE_FILTER"
	ike_gateway s1 ${#ALL[@]}
	for ns in "${ALL[@]}"; do
		ike_client "$ns" "${ns#c}"
	done
	ike_ready s1 "${ALL[@]}"
}

# check_ten VERSION: ten clients of IKE version 1 or 2 begin at the same time, all tunnels carry traffic, and all are rekeyed under
# it, which flows on
check_ten()
{
	local title=IKEv$1 conn=v$1
	check "$title: ten clients at the same time" ike_up "$conn" "${ALL[@]}" || what_is_wrong
	check "$title: datagrams and TCP pass through ten tunnels at once" tunnels_work "${ALL[@]}" || what_is_wrong
	check_tunnels "$title: ten tunnels" ${#ALL[@]}
	check "$title: each has a slot of its own" slots_differ

	bed flow "${ALL[@]}"
	check "$title: new SAs of all while traffic runs" ike_rekey "$conn" "${ALL[@]}" || what_is_wrong
	check "$title: ... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
}

slots_differ()
{
	local slots
	mapfile -t slots < <(alg r -j tunnel show | grep -o '"slot": *[0-9]*' | sort -u)
	[ ${#slots[@]} = ${#ALL[@]} ]
}

# flow_ends TITLE: traffic went through all tunnels meanwhile
flow_ends()
{
	bed flow_end
	check "$1 (lost ${B[lost]} of ${B[sent]}, longest gap ${B[gap]} ms)" [ "${B[least]}" -gt 3 ]
}
