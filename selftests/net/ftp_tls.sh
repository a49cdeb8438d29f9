#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# FTPS (RFC 4217): encrypted control connections pass untouched and are counted; CCC brings the ALG back; a policy that
# refuses AUTH makes clients fall back to plain FTP. vsftpd in s1, pure-ftpd in s2 and, at 203.0.113.5, a scripted server,
# all with TLS.

. "$(dirname "$0")/ftp_lib.sh"
need nft vsftpd pure-ftpd curl lftp openssl python3 unshare
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
check "a certificate is made" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ftp.example -days 30 \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" || finish
cat "$TMP/key.pem" "$TMP/cert.pem" >"$TMP/tls.pem"
ftp_files "$TMP/ftp"
passwd_file
ip -n "$s1" addr add 203.0.113.5/24 dev eth0
vsftpd_conf "$TMP/vsftpd.conf" listen_port=21 listen=YES listen_ipv6=NO listen_address=203.0.113.2 ssl_enable=YES \
	allow_anon_ssl=YES force_local_data_ssl=NO force_local_logins_ssl=NO require_ssl_reuse=NO "rsa_cert_file=$TMP/tls.pem"
daemon vsftpd s1 vsftpd "$TMP/vsftpd.conf"
pure_ftpd pure s2 21 -Y 1 -2 "$TMP/tls.pem"
daemon_ready vsftpd tcp 21
daemon_ready pure tcp 21
alg_start ftp
alg_box r filter masquerade
points python ftp_tls.py
finish
