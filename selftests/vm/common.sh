# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034	# variables are for those who source this
# What the scripts in this directory share. Sourced by bash, not run.

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM/../.." && pwd)
BUILD=$TOP/build
KERNELS=$BUILD/kernels
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
export HOME=${HOME:-/root}
JOBS=$(nproc 2>/dev/null || echo 2)

note() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { note "$*"; exit 1; }

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root (or sudo) for: $*"
	fi
}

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# The package lists, at most once in a run of make (children inherit the variable).
apt_update()
{
	[ -z "${NF_ALG_APT_UPDATED-}" ] || return 0
	export NF_ALG_APT_UPDATED=1
	note "apt-get update"
	as_root apt-get -qq -o Acquire::Retries=3 update
}

# Names of the installed ones among the arguments, one a line.
installed()
{
	dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^.i  *//p' || true
}

# The newest stock kernel of a series (6.1, 6.12, or more exactly 6.1.0-47) that the distribution offers; prints its release, such
# as 6.1.0-56-amd64.
newest_stock()
{
	apt-cache pkgnames "linux-image-$1" | grep -E -- "^linux-image-${1//./\\.}[.+-].*amd64$" |
		grep -vE -- "-(cloud|rt|unsigned|dbg)-|-cloud|-rt" |
		sort -V | tail -n 1 | sed 's/^linux-image-//' || true
}

# Unpacked instead of installed: only one of these can be on a machine, or installation would touch /boot.
# fetch_deb PACKAGE: prints the file's name
fetch_deb()
{
	local deb

	mkdir -p "$BUILD/dl"
	(cd "$BUILD/dl" && apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$1" >&2) || return 1
	deb=$(find "$BUILD/dl" -maxdepth 1 -name "$1_*.deb" -printf '%T@ %p\n' | sort -n | tail -n 1)
	[ -n "$deb" ] || return 1
	printf '%s\n' "${deb#* }"
}

# env_of NAME: KIND KVER IMAGE KDIR MODULES STAMP of a kernel made by ./kernel
env_of()
{
	[ -r "$KERNELS/$1/env" ] || die "no kernel '$1' yet: selftests/vm/kernel $1"
	# shellcheck disable=SC1090
	. "$KERNELS/$1/env"
}
