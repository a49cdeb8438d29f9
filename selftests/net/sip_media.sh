#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Media other than a pair of RTP and RTCP at adjacent ports: fax, TCP, one port for both, several pairs, RTCP elsewhere; offers in
# reliable provisional responses; session timers. Message by message (sip_ua.py), through source and destination NAT and an IPv6
# firewall.

. "$(dirname "$0")/sip_lib.sh"
need nft python3
sip_kinds sip_media.py
finish
