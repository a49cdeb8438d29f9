# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2317	# functions are called by name
#
# PPTP servers and clients as real as they get: pptpd, pptp-linux and pppd with MPPE. Sourced after lib.sh. $TMP/big is what a
# server's namespace offers on port 8080.

vpn_possible() { command -v pptpd pptp pppd >/dev/null && modprobe -a ppp_generic ppp_async ppp_mppe >/dev/null 2>&1; }

# vpn_server NS ADDRESS NET: tunnels get NET.1 on the server and NET.10 to .19 on clients
vpn_server()
{
	local ns=$1 dir=$TMP/pptpd-$1 control
	mkdir -p "$dir"
	control=$(command -v pptpd)
	[ -e /usr/sbin/pptpctrl ] || ln -s "${control%/*}/pptpctrl" /usr/sbin/
	printf 'alice pptpd secret *\n' >/etc/ppp/chap-secrets
	printf '%s\n' 'name pptpd' auth refuse-pap refuse-chap refuse-mschap require-mschap-v2 require-mppe-128 nobsdcomp novj \
		noipv6 'lcp-echo-interval 0' >"$dir/options"
	printf '%s\n' "option $dir/options" "listen $2" "localip $3.1" "remoteip $3.10-19" >"$dir/conf"
	daemon "pptpd-$ns" "$ns" pptpd -f -c "$dir/conf" -p "$dir/pid"
	daemon_ready "pptpd-$ns" tcp 1723
}

# vpn_dial NS SERVER: pptp keeps a socket named after the server, so each has its own /run/pptp
vpn_dial()
{
	# shellcheck disable=SC2016	# for the inner shell
	daemon "vpn-$1" "$1" unshare -m sh -c 'mkdir -p /run/pptp && mount -t tmpfs t /run/pptp &&
		exec pppd pty "pptp $1 --nolaunchpppd" nodetach noauth noipdefault name alice remotename pptpd require-mppe-128 \
			nobsdcomp nodeflate novj noipv6 nodefaultroute maxfail 1' - "$2"
}

# pppd sets the address, waits for its script ip-pre-up, and then brings the interface up: only with that is there a route.
vpn_has_address() { [[ $(on "$1" ip -4 -o addr show dev ppp0 up 2>/dev/null) == *" peer $2/"* ]]; }
vpn_up_or_gone() { gone "${PIDS[vpn-$1]}" || vpn_has_address "$1" "$2"; }

# vpn_up NS SERVER'S-TUNNEL-ADDRESS SECONDS
vpn_up()
{
	wait_for "$3" vpn_up_or_gone "$1" "$2"
	vpn_has_address "$1" "$2"
}

# vpn_works NS ADDRESS: ping and a transfer of 200,000 bytes from the server
vpn_works()
{
	on "$1" ping -q -c 3 -i 0.3 -W 10 "$2" || return
	on "$1" curl -sS -m 60 -o "$TMP/got-$1" "http://$2:8080/big" || return
	cmp "$TMP/big" "$TMP/got-$1"
}

vpn_hang_up() { stop "vpn-$1"; }
