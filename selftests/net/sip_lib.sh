# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034	# c1, r and so on are set by setup_ns
#
# What the tests sip_*.sh share beyond ftp_lib.sh (alg_box, alg_start, points, python): counters at the ends, SIPp,
# kamailio, baresip.

. "${BASH_SOURCE[0]%/*}/ftp_lib.sh"

# sip_kinds FILE: on topo_lan, where c2 can be called from outside, FILE (see sip_lan.py) with "works", and with "fails" without ALG
sip_kinds()
{
	topo_lan
	alg_start sip
	RULES[r]="add rule ip nat predst ip daddr 203.0.113.1 meta l4proto { tcp, udp } th dport 5060 dnat to 192.168.1.12:5060
$MARKERS"
	alg_box r filter masquerade
	points python "$1" works
	alg_switch sip off
	[ "$ALG_BY" != kernel ] || on r conntrack -F 2>"$TMP/out"	# its connections keep their helper
	points python "$1" fails
}

# ---- what arrives at an end ----

# count_arrivals NS...: from now on UDP to ports from 1024 on, except SIP's
count_arrivals()
{
	local ns
	for ns; do
		on "$ns" nft -f - <<-'END'
			table inet arrivals {
				set media { type inet_service; flags interval; elements = { 1024-5059, 5062-65535 } }
				set four { type ipv4_addr . inet_service . inet_service; flags dynamic; size 4096; counter; }
				set six { type ipv6_addr . inet_service . inet_service; flags dynamic; size 4096; counter; }
				chain in {
					type filter hook input priority 0
					udp dport @media meta nfproto ipv4 update @four { ip saddr . udp sport . udp dport }
					udp dport @media meta nfproto ipv6 update @six { ip6 saddr . udp sport . udp dport }
				}
			}
		END
	done
}

# arrivals NS: HEARD["ADDRESS PORT OWN-PORT"] is how many packets came from there to an own port
declare -A HEARD=()
arrivals()
{
	local line
	HEARD=()
	while read -r line; do
		while [[ $line =~ ([0-9a-f.:]+)\ \.\ ([0-9]+)\ \.\ ([0-9]+)\ counter\ packets\ ([0-9]+) ]]; do
			HEARD["${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"]=${BASH_REMATCH[4]}
			line=${line#*"${BASH_REMATCH[0]}"}
		done
	done < <(on "$1" nft list table inet arrivals)
}

# heard OWN-PORT [ADDRESS [PORT]]: sets N to the packets that the last arrivals() saw there, FROM to where they came from
heard()
{
	local key a
	N=0 FROM=
	for key in "${!HEARD[@]}"; do
		read -ra a <<<"$key"
		[ "${a[2]}" = "$1" ] || continue
		FROM+=" ${a[0]}:${a[1]}(${HEARD[$key]})"
		[ "${2:-${a[0]}}" = "${a[0]}" ] && [ "${3:-${a[1]}}" = "${a[1]}" ] && N=$((N + HEARD[$key]))
	done
	return 0
}

# ---- SIPp ----

# sip_files: $TMP/sipp is where SIPp runs, rtp.pcap is what it plays: 20 packets of G.711, one every 10 ms, to a port, and
# after each fifth one of RTCP to the next port (RFC 3550, 6.4.2)
RTP_PLAYED=20 RTCP_PLAYED=4
sip_files()
{
	mkdir -p "$TMP/sipp"
	python3 -B -E -S - "$TMP/sipp/rtp.pcap" <<-'END'
		import struct, sys
		with open(sys.argv[1], "wb") as out:
		    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
		    for i in range(24):
		        if i % 6 == 5:
		            port, data = 4001, b"\x80\xc9\0\1ALG1"
		        else:
		            port, data = 4000, struct.pack("!BBHII", 0x80, 8, i, i * 80, 0x414c4731) + b"\xd5" * 80
		        frame = bytes(12) + b"\x08\0" + struct.pack("!BBHIBBH", 0x45, 0, len(data) + 28, 0, 64, 17, 0)
		        frame += b"\x7f\0\0\1\x7f\0\0\1" + struct.pack("!HHHH", 4000, port, len(data) + 8, 0) + data
		        out.write(struct.pack("<IIII", 0, i * 10000, len(frame), len(frame)) + frame)
	END
}

# sipp NAME NS SCENARIO TRANSPORT(udp|tcp) ADDRESS PORT MEDIA-PORT [ARGUMENT...]: in the background; messages in
# $TMP/sipp/NAME.msg, the rest in $TMP/NAME.log
sipp_start()
{
	local mode=u1
	[ "$4" = udp ] || mode=t1
	daemon "$1" "$2" env -C "$TMP/sipp" sipp -sf "$HERE/sip/$3.xml" -t $mode -i "$5" -mi "$5" -p "$6" -mp "$7" -m 1 -nostdin \
		-timeout 60s -timeout_error -recv_timeout 40000 -trace_err -error_file "$TMP/sipp/$1.err" -trace_msg \
		-message_file "$TMP/sipp/$1.msg" "${@:8}"
}

# sipp_uas NAME NS SCENARIO TRANSPORT ADDRESS PORT MEDIA-PORT [ARGUMENT...]: returns when it listens
sipp_uas()
{
	sipp_start "$@"
	daemon_ready "$1" "$4" "$6"
}

# sipp_end NAME: waits for it; its status
sipp_end()
{
	local pid=${PIDS[$1]} status
	if ! wait_for 70 gone "$pid"; then
		grep -E '^(State|VmRSS|SigQ|Threads)' "/proc/$pid/status"
		tail -n 15 "$TMP/sipp/$1.msg"
		stop "$1"
		return 1
	fi
	unset "PIDS[$1]"
	wait "$pid"
	status=$?
	[ $status = 0 ] || tail -n 12 "$TMP/sipp/$1.err" "$TMP/$1.log" 2>/dev/null
	return $status
}

# sipp_got NAME: sets the array GOT to the lines of all messages that it received, in order, without line ends
sipp_got()
{
	# shellcheck disable=SC2016	# awk's
	local what='/^-----------------------/ { on = 0; next } on { sub(/\r$/, ""); print } / message received / { on = 1 }'
	mapfile -t GOT < <(awk "$what" "$TMP/sipp/$1.msg")
}

# sipp_media NAME: sets MEDIA to the ports of the m-lines that it was sent, in order
sipp_media()
{
	local line
	sipp_got "$1"
	MEDIA=()
	for line in "${GOT[@]}"; do
		[[ $line == m=audio* ]] && read -r _ line _ <<<"$line" && MEDIA+=("$line")
	done
	return 0
}

# sipp_calls TITLE CALLER-NAME CALLEE-NAME: both come to their ends
sipp_calls()
{
	check "$1" sipp_end "$2"
	check "$1: the other side" sipp_end "$3"
}

# sipp_leaks NAME PATTERN: lines of what it received that have the bash pattern, Call-IDs excepted; the first is shown
sipp_leaks()
{
	local line GOT
	sipp_got "$1"
	for line in "${GOT[@]}"; do
		# shellcheck disable=SC2053	# a pattern
		if [[ $line == $2 && $line != Call-ID:* ]]; then
			printf '%s\n' "$line"
			return 0
		fi
	done
	return 1
}

# ---- kamailio and baresip ----

# kamailio_start NS ADDRESS: registrar and proxy that knows nothing of address translation; UDP and TCP
kamailio_start()
{
	local prefix modules
	prefix=$(command -v kamailio)
	prefix=${prefix%/sbin/kamailio}
	for modules in "$prefix"/lib/*/kamailio/modules "$prefix"/lib/kamailio/modules; do
		[ ! -d "$modules" ] || break
	done
	cat >"$TMP/kamailio.cfg" <<-END
		#!KAMAILIO
		debug=1
		log_stderror=yes
		children=2
		tcp_children=2
		auto_aliases=no
		listen=udp:$2:5060
		listen=tcp:$2:5060
		mpath="$modules/"
		loadmodule "tm.so"
		loadmodule "sl.so"
		loadmodule "rr.so"
		loadmodule "pv.so"
		loadmodule "maxfwd.so"
		loadmodule "usrloc.so"
		loadmodule "registrar.so"
		loadmodule "textops.so"
		loadmodule "siputils.so"
		request_route {
			if (!mf_process_maxfwd_header("10")) {
				sl_send_reply("483", "Too Many Hops");
				exit;
			}
			if (has_totag()) {
				if (loose_route())
					t_relay();
				else if (!is_method("ACK"))
					sl_send_reply("404", "Not Here");
				else if (t_check_trans())
					t_relay();
				exit;
			}
			if (is_method("CANCEL")) {
				if (t_check_trans())
					t_relay();
				exit;
			}
			if (is_method("REGISTER")) {
				save("location");
				exit;
			}
			record_route();
			if (!lookup("location")) {
				sl_send_reply("404", "Not Found");
				exit;
			}
			t_relay();
		}
	END
	mkdir -p "$TMP/kamailio"
	daemon kamailio "$1" env LD_LIBRARY_PATH="${modules%/modules}" kamailio -f "$TMP/kamailio.cfg" -DD -E -m 32 -M 8 \
		-Y "$TMP/kamailio" -P "$TMP/kamailio/pid"
	daemon_ready kamailio udp 5060
}

# baresip_start NAME NS ADDRESS TRANSPORT REGISTRAR: an agent that answers, plays a tone and obeys commands on 127.0.0.1:4444.
# Returns when it is registered.
baresip_start()
{
	local dir=$TMP/baresip-$1
	mkdir -p "$dir"
	[ -e "$TMP/tone.wav" ] || tone "$TMP/tone.wav"
	printf '%s\n' "sip_listen $3:5060" "rtp_ports 7000-7100" "audio_source aufile,$TMP/tone.wav" "audio_player aubridge,none" \
		"audio_alert aubridge,none" "ausrc_srate 8000" "auplay_srate 8000" "ausrc_channels 1" "auplay_channels 1" \
		"module_path /usr/lib/baresip/modules" "module g711.so" "module aufile.so" "module aubridge.so" \
		"module_app account.so" "module_app menu.so" "module_app ctrl_tcp.so" \
		"ctrl_tcp_listen 127.0.0.1:4444" >"$dir/config"
	echo "<sip:$1@$5;transport=$4>;auth_pass=x;answermode=auto;regint=120;audio_codecs=pcma" >"$dir/accounts"
	: >"$dir/contacts"
	# Its standard input stays open.
	nsenter --net="/run/netns/${NETNS[$2]}" -- baresip -f "$dir" -4 -v <&$NAP >"$TMP/baresip-$1.log" 2>&1 &
	PIDS[baresip-$1]=$!
	wait_for 15 file_has "$TMP/baresip-$1.log" '*200 OK*' || diag "$1 is not registered"
}

# tone FILE: 20 s of something to hear, 8 kHz, one channel, 16 bits
tone()
{
	python3 -B -E -S - "$1" <<-'END'
		import struct, sys
		data = struct.pack("<8h", 0, 5000, 7000, 5000, 0, -5000, -7000, -5000) * 20000
		with open(sys.argv[1], "wb") as out:
		    out.write(b"RIFF" + struct.pack("<I", len(data) + 36) + b"WAVEfmt " +
		              struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16))
		    out.write(b"data" + struct.pack("<I", len(data)) + data)
	END
}
