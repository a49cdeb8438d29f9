#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Who gets in during a call, and who does not: third parties, after BYE, CANCEL and refusals. Over UDP and TCP, through source and
# destination NAT and an IPv6 firewall, message by message (sip_ua.py).

. "$(dirname "$0")/sip_lib.sh"
need nft python3
sip_kinds sip_access.py
finish
