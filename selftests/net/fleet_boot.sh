#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2034,SC2154,SC2317	# setup_ns sets variables; others use them and call functions
#
# Boxes that are started by systemd with our units, each in namespaces of its own: one of a fleet joins, runs its agent in the
# unit's sandbox, loses power while the database is away, and has its configuration before there is a network; another has a
# file as store.
#
#	db --------------- paris
#	10.9.0.1          10.9.0.2

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg_lib.sh"
need "$ALGCTL" ip pgrep setpriv unshare nsenter systemctl /lib/systemd/systemd
alg_load ftp sip
mkdir -p "$TMP/cgroup"
mount -t cgroup2 none "$TMP/cgroup" || skip_all "the kernel has no control groups"
setup_ns db
pg_make
echo "listen_addresses = '10.9.0.1'" >>"$PG/data/postgresql.conf"
echo 'host all all 10.9.0.0/24 trust' >>"$PG/data/pg_hba.conf"
ip -n "$db" addr add 10.9.0.1/32 dev lo
ip -n "$db" link set lo up
pg_start db
trap 'umount -l "$TMP/cgroup" 2>/dev/null; pg_end_quietly; on_exit' EXIT
export ALGCTL_STORE=$PG_OWNER

# The first process of a box, in its namespaces: its own files where units and the store are, then systemd. What the host has
# is masked: nothing but the basic targets is left.
cat >"$TMP/init" <<'END'
#!/bin/bash
box=$1 state=$2 sbin=$3 units=$4
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 etc /etc/systemd
mkdir -p /var/lib/nf-alg /etc/systemd/system /etc/systemd/system-generators
mount --bind "$state" /var/lib/nf-alg
: >/run/fstab
mount --bind /run/fstab /etc/fstab
hostname "$box"
cd /etc/systemd/system || exit 1
for unit in /lib/systemd/system/{sysinit,multi-user,sockets,timers}.target.wants/*; do
	ln -sf /dev/null "${unit##*/}"
done
for name in /lib/systemd/system-generators/*; do
	ln -sf /dev/null "../system-generators/${name##*/}"
done
for unit in "$units"/*.service; do
	sed "s,@SBINDIR@,$sbin,g" "$unit" >"${unit##*/}"
done
cat >net.service <<UNIT
[Unit]
DefaultDependencies=no
After=network-pre.target
Wants=network-pre.target
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '$sbin/algctl --store none export >/run/before-network'
ExecStart=/bin/sh -c 'ip link set lo up; ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up'
[Install]
WantedBy=multi-user.target
UNIT
sed -i 's/^Before=network.target/& network-online.target/' net.service
systemctl -q enable net.service
[ ! -e /var/lib/nf-alg/enabled ] || systemctl -q enable nf-alg-restore nf-alg-agent
export container=test
unset ALGCTL_STORE
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=null --show-status=no
END
chmod +x "$TMP/init"

# boot BOX: a new kernel for it, as far as network namespaces are one
boot()
{
	local box=$1
	setup_ns "$box"
	ip -n "$db" link del "$box" 2>/dev/null
	ip link add eth0 netns "${NETNS[$box]}" type veth peer name "$box" netns "$db"
	ip -n "$db" addr add 10.9.0.1/24 dev "$box"
	ip -n "$db" link set "$box" up
	mkdir -p "$TMP/$box" "$TMP/cgroup/$box"
	nsenter --net="/run/netns/${NETNS[$box]}" sh -c "echo \$\$ >$TMP/cgroup/$box/cgroup.procs; exec unshare --pid --mount \
		--uts --ipc --cgroup --fork --kill-child=KILL $TMP/init $box $TMP/$box ${ALGCTL%/*} ${HERE%/*/*}/tools/systemd" \
		</dev/null >"$TMP/$box.log" 2>&1 &
	PIDS[$box]=$!
	wait_for 30 has_child "${PIDS[$box]}" || return
	wait_for 90 booted
}

has_child() { INIT=$(pgrep -o -P "$1"); }

# in_box COMMAND...: as root on it
in_box() { nsenter -t "$INIT" -a -r -w env -u ALGCTL_STORE PATH="${ALGCTL%/*}:$PATH" "$@" </dev/null; }

booted()
{
	local text
	text=$(in_box systemctl is-system-running 2>/dev/null)
	[[ $text == running || $text == degraded ]]
}

# unit NAME PROPERTY
unit() { in_box systemctl show -P "$2" "$1" 2>/dev/null; }

unit_is() { [ "$(unit "$1" "$2")" = "$3" ]; }

# shellcheck disable=SC2053	# a pattern
unit_like() { [[ $(unit "$1" "$2") == $3 ]]; }

power_off()
{
	kill -KILL "$INIT"
	wait "${PIDS[$1]}" 2>/dev/null
	unset "PIDS[$1]"
	ip netns del "${NETNS[$1]}"
	unset "NETNS[$1]"
	SUFFIX=$(printf '%04x' $((RANDOM % 65536)))
}

has()	# has PATTERN: what the box's kernel has
{
	local text
	text=$(in_box algctl --store none export 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $1 ]]
}

state()	# state BOX PATTERN: its line of the fleet's
{
	local text
	text=$("$ALGCTL" fleet status "$1" 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $2 ]]
}

becomes() { check "$1" wait_for 60 "${@:2}"; }

# What is known of the order in which it has come up.
order()
{
	local restored network
	restored=$(unit nf-alg-restore ActiveEnterTimestampMonotonic)
	network=$(unit network-pre.target ActiveEnterTimestampMonotonic)
	diag "restored at $restored us, network-pre.target at $network us"
	[ "$restored" -gt 0 ] && [ "$restored" -le "$network" ]
}

before_network() { in_box grep -q "$1" /run/before-network; }

# ---- a box of a fleet ----

check "a store" "$ALGCTL" store init
check "a box" "$ALGCTL" fleet add paris
check "a tenant" "$ALGCTL" tenant add acme zone 7
check "the box comes up" boot paris || { diag "$(<"$TMP/paris.log")"; finish; }
check "it joins the fleet" in_box algctl --store "postgresql://owner@10.9.0.1/postgres" fleet join paris
check_like "and is told what to do" "$(<"$TMP/out")" '*this is box paris: systemctl enable --now nf-alg-restore nf-alg-agent*'
check "which is done" in_box systemctl enable --now nf-alg-restore nf-alg-agent
in_box touch /var/lib/nf-alg/enabled
check "the agent has told systemd that it is ready" unit_is nf-alg-agent ActiveState active
becomes "the box has what is its own" has '*acme:*zone: 7*'
becomes "and reports" state paris '*applied*'
check_is "restoring was no failure" "$(unit nf-alg-restore Result) $(unit nf-alg-restore ActiveState)" "success active"
check_is "nothing else failed" "$(in_box systemctl --failed --plain --no-legend)" ""
check "the agent may do little" eval '[ "$(unit nf-alg-agent CapabilityBoundingSet)" = cap_net_admin ]'
check "it is killed" in_box systemctl kill -s KILL nf-alg-agent
becomes "and starts again" unit_is nf-alg-agent NRestarts 1
becomes "which takes" unit_is nf-alg-agent ActiveState active
check "a change" "$ALGCTL" tenant set acme zone 9
becomes "arrives" has '*acme:*zone: 9*'
becomes "systemd is told" unit_like nf-alg-agent StatusText 'box paris has entry *'
becomes "and is kept" test -s "$TMP/paris/agent.json"
check "the agent is stopped" in_box systemctl stop nf-alg-agent
check_is "cleanly" "$(unit nf-alg-agent Result)" success
check "the kernel keeps what it has" has '*acme:*zone: 9*'

# ---- the power fails, and the database is away ----

power_off paris
check "the database ends" pg_end
check "the box starts again" boot paris
check "its configuration was there before the network" before_network 'acme:'
check "so says systemd" order
check "the agent runs without a database" unit_is nf-alg-agent ActiveState active
check_like "and says so" "$(unit nf-alg-agent StatusText)" 'no database, everything stays as it is*'
check "the kernel has it" has '*acme:*zone: 9*'
check "the database comes" pg_begin
check "a change" "$ALGCTL" tenant set acme zone 11
becomes "arrives" has '*acme:*zone: 11*'
becomes "and is reported" state paris '*applied*'
power_off paris

# ---- a box with a file as store ----

check "another box comes up" boot rome
check "a store in a file" in_box algctl store init
check "a tenant" in_box algctl tenant add bob zone 8
check "restoring is enabled" in_box systemctl enable --now nf-alg-restore
in_box touch /var/lib/nf-alg/enabled
power_off rome
check "it starts again" boot rome
check "its configuration was there before the network" before_network 'bob:'
check "so says systemd" order
check_is "it has no agent" "$(unit nf-alg-agent ConditionResult) $(unit nf-alg-agent ActiveState)" "no inactive"
check "store and kernel agree" in_box algctl store status
check_like "which is said" "$(<"$TMP/out")" '*the kernel has what the store has*'
check_is "nothing has failed" "$(in_box systemctl --failed --plain --no-legend)" ""
power_off rome
umount "$TMP/cgroup"
finish
