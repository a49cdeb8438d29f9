# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154	# c1, r and so on are set by setup_ns
#
# Networks and firewalls of the net tests; sourced by lib.sh. The outside never has a route to 192.168.0.0/16: a private address
# that leaks cannot work by accident.

# topo_lan: one subscriber network
#
#   c1 192.168.1.11  2001:db8:1::11 --+                                    +-- s1 203.0.113.2  2001:db8:2::2
#                                     lan0 [r] wan0 (203.0.113.1 and .10) --+
#   c2 192.168.1.12  2001:db8:1::12 --+    .1 / ::1      2001:db8:2::1     +-- s2 203.0.113.3  2001:db8:2::3
topo_lan()
{
	setup_ns c1 c2 r s1 s2
	ip -batch - <<-END
		link add lan0 netns $r type bridge
		link add wan0 netns $r type bridge
		link add eth0 netns $c1 type veth peer name lan1 netns $r
		link add eth0 netns $c2 type veth peer name lan2 netns $r
		link add eth0 netns $s1 type veth peer name wan1 netns $r
		link add eth0 netns $s2 type veth peer name wan2 netns $r
	END
	ip -n "$r" -batch - <<-END
		link set lo up
		link set lan1 master lan0 up
		link set lan2 master lan0 up
		link set wan1 master wan0 up
		link set wan2 master wan0 up
		link set lan0 up
		link set wan0 up
		addr add 192.168.1.1/24 dev lan0
		addr add 2001:db8:1::1/64 dev lan0 nodad
		addr add 203.0.113.1/24 dev wan0
		addr add 203.0.113.10/24 dev wan0
		addr add 2001:db8:2::1/64 dev wan0 nodad
	END
	sysctls r ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 netfilter.nf_conntrack_tcp_timeout_time_wait=5
	topo_host c1 192.168.1.11 192.168.1.1 2001:db8:1::11 2001:db8:1::1
	topo_host c2 192.168.1.12 192.168.1.1 2001:db8:1::12 2001:db8:1::1
	topo_host s1 203.0.113.2 '' 2001:db8:2::2 2001:db8:2::1
	topo_host s2 203.0.113.3 '' 2001:db8:2::3 2001:db8:2::1
}

# topo_host NS IPV4 GATEWAY4 [IPV6 GATEWAY6]: eth0 and lo
topo_host()
{
	{
		printf 'link set lo up\nlink set eth0 up\naddr add %s/24 dev eth0\n' "$2"
		[ -z "$3" ] || printf 'route add default via %s\n' "$3"
		[ -z "${4-}" ] || printf 'addr add %s/64 dev eth0 nodad\nroute add default via %s\n' "$4" "$5"
	} | ip -n "${NETNS[$1]}" -batch -
}

# topo_more_clients c3 c4...: of topo_lan; 192.168.1.13 and so on
topo_more_clients()
{
	local name
	setup_ns "$@"
	for name; do
		echo "link add eth0 netns ${NETNS[$name]} type veth peer name lan${name#c} netns $r"
	done | ip -batch -
	for name; do
		echo "link set lan${name#c} master lan0 up"
	done | ip -n "$r" -batch -
	for name; do
		topo_host "$name" "192.168.1.$((10 + ${name#c}))" 192.168.1.1
	done
}

# topo_tenants: two subscriber networks with the same private addresses, told apart by conntrack zones 1 and 2
#
#   a1 192.168.1.11 -- lanA (zone 1) --+
#                                     [r] wan0 203.0.113.1 and .10 --+-- s1 203.0.113.2
#   b1 192.168.1.11 -- lanB (zone 2) --+                             +-- s2 203.0.113.3
#
# Packets carry their tenant's number as mark, and marks have routing tables of their own. See "tenants" in fw().
topo_tenants()
{
	setup_ns a1 b1 r s1 s2
	ip -batch - <<-END
		link add wan0 netns $r type bridge
		link add eth0 netns $a1 type veth peer name lanA netns $r
		link add eth0 netns $b1 type veth peer name lanB netns $r
		link add eth0 netns $s1 type veth peer name wan1 netns $r
		link add eth0 netns $s2 type veth peer name wan2 netns $r
	END
	ip -n "$r" -batch - <<-END
		link set lo up
		link set wan1 master wan0 up
		link set wan2 master wan0 up
		link set wan0 up
		link set lanA up
		link set lanB up
		addr add 203.0.113.1/24 dev wan0
		addr add 203.0.113.10/24 dev wan0
		addr add 192.168.1.1/24 dev lanA noprefixroute
		addr add 192.168.1.1/24 dev lanB noprefixroute
		route add 192.168.1.0/24 dev lanA table 101
		route add 192.168.1.0/24 dev lanB table 102
		rule add fwmark 1 lookup 101
		rule add fwmark 2 lookup 102
	END
	sysctls r ipv4.ip_forward=1 netfilter.nf_conntrack_tcp_timeout_time_wait=5
	topo_host a1 192.168.1.11 192.168.1.1
	topo_host b1 192.168.1.11 192.168.1.1
	topo_host s1 203.0.113.2 ''
	topo_host s2 203.0.113.3 ''
}

# fw NS PART...: the firewall of a router, all parts in one transaction, replacing what was there. Parts:
#
#   filter			forward: established, related, DNATed, and from inside only new control connections (tcp/21,
#				tcp/2121, udp/69, udp/6969); nothing new to the router itself. IPv4 and IPv6.
#   masquerade			192.168.0.0/16 goes out as the address of wan0
#   snat=ADDR[:MIN-MAX]		the same with an address and a port block
#   dnat=PROTO:PORT:ADDR:PORT	from outside to a server inside
#   hairpin			inside to inside by way of the public address (with dnat)
#   tenants=addresses		zones 1 and 2 for lanA and lanB; A goes out as 203.0.113.1, B as .10
#   tenants=blocks		both as 203.0.113.1: A with ports (and PPTP call IDs) 10000-10063, B with 20000-20063
#   helper=NAME:PROTO:PORT	an nft rule sets the conntrack helper NAME
#   accept=EXPRESSION		one more rule that accepts in forward, before the end
fw()
{
	local ns=$1 part
	shift
	on "$ns" nft -f - <<-END
		flush ruleset
		$(for part; do fw_part "$part"; done)
	END
}

fw_part()
{
	local IFS=: a
	read -ra a <<<"${1#*=}"
	case $1 in
	filter)
		cat <<-'END'
		table inet fw {
			set control {
				type inet_proto . inet_service
				elements = { tcp . 21, tcp . 2121, udp . 69, udp . 6969, udp . 5060, tcp . 5060 }
			}
			counter related { }
			counter dropped { }
			chain inp {
				type filter hook input priority 0
				iifname wan0 meta l4proto { tcp, udp } ct state new drop
			}
			chain forw {
				type filter hook forward priority 0; policy drop
				ct state invalid counter drop
				ct state established accept
				ct state related counter name related accept
				ct status dnat accept
				meta l4proto . th dport @control iifname { lan0, lanA, lanB } ct state new accept
				jump more
				counter name dropped
			}
			chain more { }
		}
		END
		;;
	accept=*) printf 'add rule inet fw more %s accept\n' "${1#*=}";;
	masquerade) fw_nat post "oifname wan0 ip saddr 192.168.0.0/16 masquerade";;
	snat=*:*) fw_nat post "oifname wan0 ip saddr 192.168.0.0/16 meta l4proto { tcp, udp } snat to ${1#*=}";;
	snat=*) fw_nat post "oifname wan0 ip saddr 192.168.0.0/16 snat to ${1#*=}";;
	dnat=*) fw_nat predst "ip daddr 203.0.113.1 ${a[0]} dport ${a[1]} dnat to ${a[2]}:${a[3]}";;
	hairpin) fw_nat post "iifname lan0 oifname lan0 ip saddr 192.168.0.0/16 ct status dnat masquerade";;
	tenants=*) fw_tenants "${a[0]}";;
	helper=*)
		cat <<-END
		table inet helper {
			ct helper h${a[2]}${a[1]} { type "${a[0]}" protocol ${a[1]}; }
			chain pre {
				type filter hook prerouting priority -150
				${a[1]} dport ${a[2]} ct helper set "h${a[2]}${a[1]}"
			}
		}
		END
		;;
	*) echo "fw: unknown part $1" >&2;;
	esac
}

fw_nat()	# fw_nat CHAIN RULE
{
	cat <<-END
	table ip nat {
		chain predst { type nat hook prerouting priority dstnat; }
		chain post { type nat hook postrouting priority srcnat; }
	}
	add rule ip nat $1 $2
	END
}

# Zone and mark are set before conntrack: inside by interface, outside by what tells the tenants apart there.
fw_tenants()	# fw_tenants addresses|blocks
{
	local -a outside gre
	if [ "$1" = blocks ]; then
		outside=("th dport 10000-10063 ct zone set 1 meta mark set 1" "th dport 20000-20063 ct zone set 2 meta mark set 2")
		gre=("@th,48,16 10000-10063 ct zone set 1 meta mark set 1" "@th,48,16 20000-20063 ct zone set 2 meta mark set 2")
		fw_nat post "oifname wan0 meta mark 1 meta l4proto { tcp, udp } snat to 203.0.113.1:10000-10063"
		fw_nat post "oifname wan0 meta mark 2 meta l4proto { tcp, udp } snat to 203.0.113.1:20000-20063"
	else
		outside=("ip daddr 203.0.113.1 ct zone set 1 meta mark set 1" "ip daddr 203.0.113.10 ct zone set 2 meta mark set 2")
		gre=("${outside[@]}")
		fw_nat post "oifname wan0 meta mark 1 snat to 203.0.113.1"
		fw_nat post "oifname wan0 meta mark 2 snat to 203.0.113.10"
	fi
	cat <<-END
	table inet zones {
		chain pre {
			type filter hook prerouting priority raw
			iifname lanA ct zone set 1 meta mark set 1
			iifname lanB ct zone set 2 meta mark set 2
			iifname wan0 meta l4proto { tcp, udp } ${outside[0]}
			iifname wan0 meta l4proto { tcp, udp } ${outside[1]}
			iifname wan0 meta l4proto gre ${gre[0]}
			iifname wan0 meta l4proto gre ${gre[1]}
		}
	}
	END
}

# ---- servers, as real as they get ----

# ftp_files DIR: pub/small (100 bytes), pub/big (200,000 bytes), pub/f1 to f5, incoming/ for uploads
ftp_files()
{
	local n
	mkdir -p "$1/pub" "$1/incoming" "$TMP/empty"
	chmod 777 "$1/incoming"
	head -c 200000 /dev/urandom >"$1/pub/big"
	printf '%0100d' 7 >"$1/pub/small"
	for n in 1 2 3 4 5; do
		printf 'file %d\n' "$n" >"$1/pub/f$n"
	done
}

# ftp_server NS [PORT [vsftpd options...]]: vsftpd, anonymous, IPv4 and IPv6, files in $TMP/ftp
ftp_server()
{
	local ns=$1 port=${2:-21} conf=$TMP/vsftpd-$1-${2:-21}.conf
	[ -d "$TMP/ftp" ] || ftp_files "$TMP/ftp"
	{
		printf '%s\n' listen=NO listen_ipv6=YES background=NO "listen_port=$port" anonymous_enable=YES \
			no_anon_password=YES \
			local_enable=NO write_enable=YES anon_upload_enable=YES anon_mkdir_write_enable=YES anon_umask=022 \
			"anon_root=$TMP/ftp" "secure_chroot_dir=$TMP/empty" connect_from_port_20=YES seccomp_sandbox=NO \
			max_per_ip=0 max_clients=0
		shift; [ $# = 0 ] || shift
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$conf"
	daemon "vsftpd-$ns-$port" "$ns" vsftpd "$conf"
	daemon_ready "vsftpd-$ns-$port" tcp "$port"
}

# tftp_server NS [PORT]: in.tftpd, uploads allowed, IPv4 and IPv6, files in $TMP/tftp (small, big)
tftp_server()
{
	local ns=$1 port=${2:-69}
	if [ ! -d "$TMP/tftp" ]; then
		mkdir -m 777 "$TMP/tftp"
		head -c 100000 /dev/urandom >"$TMP/tftp/big"
		printf '%0100d' 7 >"$TMP/tftp/small"
		chmod 644 "$TMP/tftp"/*
	fi
	daemon "tftpd-$ns-$port" "$ns" in.tftpd -L -c -u nobody -a ":$port" -s "$TMP/tftp"
	daemon_ready "tftpd-$ns-$port" udp "$port"
}
