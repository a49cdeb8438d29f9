#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317,SC2016	# topo_tenants sets a1, r; expect calls functions; another shell expands
#
# Two tenants with the same private addresses behind a CGNAT with port blocks; FTP, TFTP and PPTP servers and a telephone outside.
# Without the ALGs transfers fail; with them they work, for the tenant whose policy allows it. Then two IPsec clients behind one
# address, to one gateway. Run by ./run in a throw-away kernel. Every outcome is checked: exit status 0 when all was as announced.

export NF_ALG_PLAIN=1
# shellcheck source=../net/ipsec_lib.sh disable=SC2034
. "$(dirname "$0")/../net/ipsec_lib.sh"
# shellcheck source=../net/pptp_lib.sh
. "$HERE/pptp_lib.sh"
# shellcheck source=../net/sip_lib.sh
. "$HERE/sip_lib.sh"

wrong=0

# expect works|fails WHAT COMMAND...
expect()
{
	local want=$1 what=$2 got=works took=$EPOCHREALTIME word
	shift 2
	"$@" >"$TMP/out" 2>&1 </dev/null || got=fails
	took=$(((${EPOCHREALTIME/[.,]} - ${took/[.,]}) / 100000))
	if [ $got = "$want" ]; then
		word='as it should'
	else
		word='NOT AS IT SHOULD'
		wrong=$((wrong + 1))
	fi
	printf '  %-52s %-6s %2d.%d s  %s\n' "$what" "$got" $((took / 10)) $((took % 10)) "$word"
	[ $got = "$want" ] || output_of_last
}

# shown COMMAND...: typed on the router
shown()
{
	local line
	printf '\n  router# %s\n' "$*"
	if ! on r "$@" >"$TMP/out" 2>&1 </dev/null; then
		wrong=$((wrong + 1))
		printf '          (failed, NOT AS IT SHOULD)\n'
	fi
	while IFS= read -r line; do
		printf '          %s\n' "$line"
	done <"$TMP/out"
}

# has TEXT WHAT: does what was shown last say so?
has()
{
	[[ $(<"$TMP/out") == *$1* ]] && return
	printf '  %s: NOT AS IT SHOULD, no "%s"\n' "$2" "$1"
	wrong=$((wrong + 1))
}

head_line() { printf '\n%s\n%s\n' "$1" "${1//?/-}"; }

patience=20
server=203.0.113.2
ftp_active()
{
	on "$1" curl -sS -m "${2:-$patience}" -P - --disable-eprt -o "$TMP/got" "ftp://$server/pub/big" &&
		same ftp/pub/big
}
ftp_passive()
{
	on "$1" curl -sS -m "${2:-$patience}" --disable-epsv --no-ftp-skip-pasv-ip -o "$TMP/got" "ftp://$server/pub/big" &&
		same ftp/pub/big
}
tftp_get() { on "$1" curl -sS -m "${2:-$patience}" -o "$TMP/got" "tftp://$server/big" && same tftp/big; }
same() { cmp "$TMP/got" "$TMP/$1"; }

# call NS PORT SIP-PORT: a call to the server's telephone, audio comes to PORT; in the background, call_ends waits for it
call() { sipp_start "$1" "$1" uac udp 192.168.1.11 "$3" "$2" -s bob $server:5060; }
call_ends() { sipp_end "$1"; }
# hears NS PORT [CALLS]: did all that the other side of the calls said arrive there?
hears()
{
	arrivals "$1"
	heard "$2"
	[ "$N" -ge $(((RTP_PLAYED - 1) * ${3:-1})) ]	# the first packets of both may cross
}
two_calls() { [ "$(on r algctl call show protocol sip | grep -c established)" = 2 ]; }

# Does anything pass through a client's tunnel? A short time only.
through() { ! bed closed "$1"; }

need curl nft vsftpd in.tftpd sipp python3 tcpdump "${ALGCTL:-algctl}"
ipsec_needs

cat <<'END'
Two tenants behind one public address
=====================================

   acme   subscriber 192.168.1.11 -- lanA  zone 1 --+
                                                    +-- router -- wan0 203.0.113.1 ---- 203.0.113.2  vsftpd, in.tftpd, SIPp, pptpd
   bravo  subscriber 192.168.1.11 -- lanB  zone 2 --+   (CGNAT)                         no route to 192.168.0.0/16

   Both subscribers have the same private address. acme goes out with ports 10000-10063 of 203.0.113.1, bravo with
   20000-20063. The firewall lets FTP, TFTP, SIP and PPTP control traffic out, and in only what is related to it.
END
topo_tenants || exit 1
fw r filter tenants=blocks accept='tcp dport 1723 iifname { lanA, lanB }' || exit 1
ftp_server s1 || exit 1
tftp_server s1 || exit 1
sip_files
count_arrivals a1 b1 s1
pptp=
if vpn_possible; then
	pptp=1
	head -c 200000 /dev/urandom >"$TMP/big"
	vpn_server s1 $server 10.9.0 || exit 1
	daemon web s1 python3 -m http.server -d "$TMP" 8080
	daemon_ready web tcp 8080 || exit 1
fi

head_line "1. Without the ALGs"
echo "The control connection works, but the addresses inside it are private ones, and nobody expects the data."
expect fails "acme: FTP, active (the server calls back)" ftp_active a1 4
expect fails "acme: FTP, passive (a second connection out)" ftp_passive a1 4
expect fails "acme: TFTP (the answer has another port)" tftp_get a1 4
sipp_uas telephone s1 uas udp $server 5060 7000
call a1 6000 5070
expect works "acme: SIP, a call is set up" call_ends a1
expect fails "acme hears the telephone (it sends to 192.168.1.11)" hears a1 6000
stop telephone
if [ -n "$pptp" ]; then
	vpn_dial a1 $server
	expect fails "acme: PPTP (GRE is not expected)" vpn_up a1 10.9.0.1 6
	vpn_hang_up a1
fi

head_line "2. Load the modules, give each tenant a policy"
printf '\n  router# modprobe -a nf_alg nf_alg_nat nf_alg_ftp nf_alg_tftp nf_alg_sip nf_alg_pptp\n'
alg_load ftp tftp sip pptp || exit 1
shown algctl policy add full
shown algctl policy add no-ftp ftp off
shown algctl tenant add acme policy full zone 1 ports 10000-10063 max-pinholes 100
shown algctl tenant add bravo policy no-ftp zone 2 ports 20000-20063
shown algctl status

head_line "3. acme: everything on"
capture inside r lanA tcp port 21 || exit 1
capture outside r wan0 tcp port 21 || exit 1
expect works "acme: FTP, active" ftp_active a1
capture_stop inside
capture_stop outside
expect works "acme: FTP, passive" ftp_passive a1
expect works "acme: TFTP" tftp_get a1
said=$(grep -aom1 'PORT [0-9,]*' "$TMP/inside.pcap")
heard=$(grep -aom1 'PORT [0-9,]*' "$TMP/outside.pcap")
IFS=', ' read -ra number <<<"$heard"
port=$((number[5] * 256 + number[6]))
echo
echo "  On the control connection the subscriber said   $said"
echo "  and the server heard                            $heard"
echo "  which is port $port of the public address, inside acme's port block."
if [[ $said != 'PORT 192,168,1,11,'* || $heard != 'PORT 203,0,113,1,'* ]] || [ $port -lt 10000 ] || [ $port -gt 10063 ]; then
	echo "  NOT AS IT SHOULD"
	wrong=$((wrong + 1))
fi

head_line "4. A pinhole, between PORT and the data connection"
mkfifo "$TMP/go"
daemon talk a1 bash -c '
	exec 3<>/dev/tcp/'$server'/21
	hear() { while read -r -t 15 line <&3; do echo "$line"; [[ $line != [0-9][0-9][0-9]\ * ]] || return; done; exit 1; }
	hear
	printf "USER anonymous\r\n" >&3; hear
	printf "PORT 192,168,1,11,200,10\r\n" >&3; hear
	echo ready
	read -r <'"$TMP/go"
wait_for 20 file_has "$TMP/talk.log" ready || { echo "  no FTP session: NOT AS IT SHOULD"; wrong=$((wrong + 1)); }
shown algctl pinhole
has acme "the pinhole is acme's"
has 192.168.1.11 "the pinhole leads to the subscriber"
stop talk

head_line "5. bravo: the same addresses, but a policy without FTP"
expect fails "bravo: FTP, active" ftp_active b1 4
expect fails "bravo: FTP, passive" ftp_passive b1 4
expect works "bravo: TFTP" tftp_get b1

head_line "6. Change the policy; it takes effect at once"
shown algctl policy set no-ftp ftp on
expect works "bravo: FTP, active" ftp_active b1
expect works "acme at the same address: FTP, active" ftp_active a1

head_line "7. SIP: both subscribers call the same telephone"
sipp_uas telephone s1 uas udp $server 5060 7100 -m 2
call a1 6100 5060
call b1 6100 5060
wait_for 20 two_calls || { echo "  no two calls: NOT AS IT SHOULD"; wrong=$((wrong + 1)); }
shown algctl call show protocol sip flows
has 203.0.113.1:100 "acme's audio has a port of its range"
has 203.0.113.1:200 "bravo's audio has a port of its range"
for tenant in acme=a1 bravo=b1; do
	expect works "${tenant%=*}: the call comes to its end" call_ends "${tenant#*=}"
	expect works "${tenant%=*} hears the telephone" hears "${tenant#*=}" 6100
done
expect works "the telephone hears both" hears s1 7100 2
stop telephone

head_line "8. PPTP: both subscribers dial into one server through the one public address"
if [ -n "$pptp" ]; then
	vpn_dial a1 $server
	vpn_dial b1 $server
	expect works "acme: the tunnel comes up" vpn_up a1 10.9.0.1 40
	expect works "bravo: a second one beside it" vpn_up b1 10.9.0.1 40
	expect works "acme: ping and 200,000 bytes through its tunnel" vpn_works a1 10.9.0.1
	expect works "bravo: the same through its own" vpn_works b1 10.9.0.1
	shown algctl call show protocol pptp flows
	has 203.0.113.1:100 "acme's call has a number of its range"
	has 203.0.113.1:200 "bravo's call has a number of its range"
	vpn_hang_up a1
	vpn_hang_up b1
else
	echo "  pptpd, pptp, pppd or PPP with MPPE is missing here: left out."
fi

head_line "9. What was counted"
shown algctl stats
has rewritten "stats count what was rewritten"
shown algctl tenant show

head_line "10. Unload"
printf '\n  router# rmmod nf_alg_ftp nf_alg_tftp nf_alg_sip nf_alg_pptp nf_alg_nat nf_alg\n'
alg_unload || { echo "  NOT AS IT SHOULD"; wrong=$((wrong + 1)); }
expect fails "acme: FTP, active" ftp_active a1 4

head_line "11. IPsec: two clients behind one address, one gateway, without NAT traversal"
cat <<'END'

   c1  192.168.1.11  libreswan --+
                                 +-- router -- wan0 203.0.113.1 ---- 203.0.113.2  libreswan
   c2  192.168.1.12  libreswan --+   (masquerade)

   Its ESP has no ports, and to Linux all of one gateway's is one connection. ESP may go out.
END
printf 'netns del %s\n' "${NETNS[@]}" | ip -batch -
NETNS=()
topo_ipsec 2 || exit 1
ike_gateway s1 2
ike_client c1 1
ike_client c2 2
fw r filter masquerade "$IKE_FILTER" accept='iifname lan0 ip protocol esp' || exit 1
ike_ready s1 c1 c2 || exit 1
expect works "c1: IKE" ike_up v2 c1
expect works "c1: a tunnel" tunnels_work c1
expect works "c2: IKE" ike_up v2 c2
expect fails "c2: a tunnel" through c2
printf '\n  router# modprobe -a nf_alg nf_alg_nat nf_alg_ike\n'
alg_load ike || exit 1
shown algctl tenant add default
ike_down v2 c1 c2
on r conntrack -F >/dev/null 2>&1	# connections from before stay as they are
expect works "c1 and c2: IKE, anew" ike_up v2 c1 c2
expect works "c1 and c2: tunnels, both at once" tunnels_work c1 c2
shown algctl tunnel show sas
has 192.168.1.12 "c2 has a tunnel"
alg_unload || { echo "  NOT AS IT SHOULD"; wrong=$((wrong + 1)); }

echo
if [ $wrong = 0 ]; then
	echo "Everything was as announced."
else
	echo "$wrong things were not as announced."
	# shellcheck disable=SC2034	# finish looks at it
	FAILED=$wrong
fi
finish
