# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034	# c1, r and so on are set by setup_ns
#
# What the tests ftp_*.sh, tftp_*.sh and (by way of sip_lib.sh) sip_*.sh share beyond lib.sh; sourced with the test's own
# arguments. A test called with the argument "kernel" runs against the kernel's own helpers, to see what a test proves about them.

. "${BASH_SOURCE[0]%/*}/lib.sh"
ALG_BY=${1:-ours}
declare -A ALG_NS=()	# namespaces with an ALG: the parts of their firewalls
declare -A RULES=()	# nft commands that a namespace's firewall gets in addition
MARKERS="add rule inet fw more iifname { lan0, lanA, lanB } udp dport 9000-9099 accept"	# for Markers in netbed.py

box_fw()	# box_fw NS PART...
{
	fw "$@"
	[ -z "${RULES[$1]-}" ] || on "$1" nft -f - <<<"${RULES[$1]}"
}

# alg_box NS PART...: a firewall (see fw; RULES) with ALGs for what alg_start named
alg_box()
{
	local ns=$1
	shift
	ALG_NS[$ns]="$*"
	if [ "$ALG_BY" = kernel ]; then
		box_fw "$ns" "$@" "${KERNEL_HELPERS[@]}"
	else
		box_fw "$ns" "$@"
		alg "$ns" tenant add default || fail "$ns gets a tenant"
	fi
}

# alg_start PROTOCOL...
alg_start()
{
	local protocol
	KERNEL_HELPERS=()
	if [ "$ALG_BY" != kernel ]; then
		alg_load "$@"
		return
	fi
	for protocol; do
		modprobe "nf_nat_$protocol" || skip_all "no nf_nat_$protocol"
		case $protocol in
		ftp) KERNEL_HELPERS+=(helper=ftp:tcp:21);;
		tftp) KERNEL_HELPERS+=(helper=tftp:udp:69);;
		sip) KERNEL_HELPERS+=(helper=sip:udp:5060 helper=sip:tcp:5060);;
		esac
	done
}

# alg_switch PROTOCOL on|off: in all boxes
alg_switch()
{
	local ns parts
	for ns in "${!ALG_NS[@]}"; do
		if [ "$ALG_BY" != kernel ]; then
			alg "$ns" policy set default "$1" "$2" || fail "the $1 ALG is switched $2 in $ns"
			continue
		fi
		read -ra parts <<<"${ALG_NS[$ns]}"
		[ "$2" = off ] || parts+=("${KERNEL_HELPERS[@]}")
		box_fw "$ns" "${parts[@]}"
	done
}

# points COMMAND...: runs a program that prints points: "ok TITLE", "not ok TITLE", "skip TITLE # REASON", "# more about
# it", and "end" as its last line.
points()
{
	local line ended=''
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "${line#ok }";;
		"not ok "*) fail "${line#not ok }";;
		"skip "*) line=${line#skip }; skip "${line%% \# *}" "${line#* \# }";;
		end) ended=1;;
		*) printf '%s\n' "# ${line#\# }";;
		esac
	done < <("$@" 2>&1 </dev/null)
	[ -n "$ended" ] || fail "${1##*/} ${2##*/} ran to its end"
}

# python FILE ARGUMENTS...: one of the .py files here; its lines of input are ours. See netbed.py for what it is told.
python()
{
	local name file=$1 known=
	shift
	for name in "${!NETNS[@]}"; do
		known+="$name=${NETNS[$name]} "
	done
	NF_ALG_NS=$known NF_ALG_TMP=$TMP NF_ALG_BY=$ALG_BY exec python3 -B -E -S "$HERE/$file" "$@"
}

# ---- FTP servers and a second box ----

# topo_second_box: d1 10.1.0.2 behind r2, 203.0.113.20 and .21 on the public network of topo_lan
topo_second_box()
{
	setup_ns r2 d1
	ip -batch - <<-END
		link add wan0 netns $r2 type veth peer name wan3 netns $r
		link add lan0 netns $r2 type veth peer name eth0 netns $d1
	END
	ip -n "$r" -batch - <<-END
		link set wan3 master wan0 up
	END
	ip -n "$r2" -batch - <<-END
		link set lo up
		link set lan0 up
		link set wan0 up
		addr add 10.1.0.1/24 dev lan0
		addr add 203.0.113.20/24 dev wan0
		addr add 203.0.113.21/24 dev wan0
	END
	sysctls r2 ipv4.ip_forward=1
	topo_host d1 10.1.0.2 10.1.0.1
}

# ftp_daemons SERVER:NS:PORT...: vsftpd or pure-ftpd, all with the same files; waits for them
ftp_daemons()
{
	local spec a name
	[ -d "$TMP/ftp" ] || ftp_files "$TMP/ftp"
	passwd_file
	for spec; do
		IFS=: read -ra a <<<"$spec"
		name=${spec//:/-}
		if [ "${a[0]}" = vsftpd ]; then
			vsftpd_conf "$TMP/$name.conf" "listen_port=${a[2]}"
			daemon "$name" "${a[1]}" vsftpd "$TMP/$name.conf"
		else
			pure_ftpd "$name" "${a[1]}" "${a[2]}"
		fi
	done
	for spec; do
		daemon_ready "${spec//:/-}" tcp "${spec##*:}" || return 1
	done
}

# The accounts that servers need, with the files as the home of "ftp".
passwd_file()
{
	printf '%s\n' "root:x:0:0:root:/:/bin/sh" "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin" \
		"ftp:x:65001:65534:ftp:$TMP/ftp:/usr/sbin/nologin" >"$TMP/passwd"
}

# pure_ftpd NAME NS PORT [OPTION...]: sees passwd_file as /etc/passwd, for its anonymous user is an account
pure_ftpd()
{
	# shellcheck disable=SC2016	# for the inner shell
	daemon "$1" "$2" unshare -m bash -c 'mount --bind "$1" /etc/passwd && shift && exec pure-ftpd "$@"' - \
		"$TMP/passwd" -S "$3" -e -M -H -I 5 -C 200 -c 200 "${@:4}"
}

# vsftpd_conf FILE OPTION...
vsftpd_conf()
{
	local file=$1
	shift
	printf '%s\n' listen=NO listen_ipv6=YES background=NO anonymous_enable=YES no_anon_password=YES local_enable=NO \
		write_enable=YES anon_upload_enable=YES anon_umask=022 "anon_root=$TMP/ftp" \
		"secure_chroot_dir=$TMP/empty" connect_from_port_20=YES seccomp_sandbox=NO max_per_ip=0 max_clients=0 \
		connect_timeout=5 accept_timeout=5 data_connection_timeout=10 "$@" >"$file"
}

# ---- TFTP servers ----

# tftp_daemons SERVER:NS...: hpa or atftpd, files in $TMP/tftp: big, small, text, and what is uploaded; waits for them
tftp_daemons()
{
	local spec name ns n
	mkdir -m 777 "$TMP/tftp"
	head -c 50000 /dev/urandom >"$TMP/tftp/big"
	printf '%0100d' 7 >"$TMP/tftp/small"
	for n in {1..200}; do
		printf 'line %d\n' "$n"
	done >"$TMP/tftp/text"
	chmod 644 "$TMP/tftp"/*
	for spec; do
		name=${spec/:/-} ns=${spec#*:}
		if [ "${spec%:*}" = hpa ]; then
			daemon "$name" "$ns" in.tftpd -L -c -u nobody -s "$TMP/tftp"
		else
			daemon "$name" "$ns" atftpd --daemon --no-fork --user nobody --group nogroup --logfile - "$TMP/tftp"
		fi
	done
	for spec; do
		daemon_ready "${spec/:/-}" udp 69 || return 1
	done
}
