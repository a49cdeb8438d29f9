#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# setup_ns sets variables; functions are called by others
#
# A fleet whose database is behind a network: passwords (SCRAM) and TLS with the server's certificate checked, "fleet join", and
# a link that fails without a word in every situation: an agent that waits, an operator in the middle of a change who holds the
# lock of writers, a server that is stuck. Nothing waits without end, kernels keep what they have, agents come back.
#
#	db --------------- paris, rome
#	10.9.0.1  (a bridge)  10.9.0.2, 10.9.0.3

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg_lib.sh"
need "$ALGCTL" ip nft openssl setpriv "${ALGCTL%/*}/tests/kill_at.so"
alg_load ftp sip
setup_ns db paris rome

printf 'link add eth0 netns %s type veth peer name %s netns '"$db\n" "$paris" paris "$rome" rome | ip -batch -
printf '%s\n' 'link add br0 type bridge' 'addr add 10.9.0.1/24 dev br0' 'link set br0 up' 'link set lo up' \
	'link set paris master br0 up' 'link set rome master br0 up' | on db ip -batch -
printf '%s\n' 'addr add 10.9.0.2/24 dev eth0' 'link set eth0 up' | on paris ip -batch -
printf '%s\n' 'addr add 10.9.0.3/24 dev eth0' 'link set eth0 up' | on rome ip -batch -

# ---- a server with a certificate, passwords over the network, and TLS only ----

pg_make
certificate()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=store \
		-addext "subjectAltName=IP:$2" -keyout "$1.key" -out "$1.crt" >"$TMP/out" 2>&1
}
certificate "$PG/server" 10.9.0.1 || { output_of_last; skip_all "openssl makes no certificate"; }
certificate "$TMP/other" 10.9.0.1
chown nobody:nogroup "$PG"/server.*
chmod 600 "$PG/server.key"
chmod 644 "$PG/server.crt"
printf '%s\n' "listen_addresses = '10.9.0.1'" 'ssl = on' "ssl_cert_file = '$PG/server.crt'" "ssl_key_file = '$PG/server.key'" \
	'password_encryption = scram-sha-256' >>"$PG/data/postgresql.conf"
printf '%s\n' 'local all all trust' 'hostssl all all 10.9.0.0/24 scram-sha-256' >"$PG/data/pg_hba.conf"
pg_start db

export ALGCTL_STORE=$PG_OWNER
for user in paris rome otto; do
	pg_sql "CREATE ROLE $user LOGIN PASSWORD 'secret-$user'" || fail "a login for $user"
done

# address USER [PASSWORD [CERTIFICATE]]
address()
{
	echo "postgresql://$1:${2:-secret-$1}@10.9.0.1/postgres?sslmode=verify-full&sslrootcert=${3:-$PG/server.crt}"
}

store() { "$ALGCTL" "$@"; }

check "a store" store store init
check "a box" store fleet add paris login paris
check "another" store fleet add rome login rome
check "an operator" store role set operator members user:otto
check "a tenant" store tenant add acme zone 7

# ---- joining ----

join() { (unset ALGCTL_STORE; "$ALGCTL" -n "$paris" --store "$1" fleet join paris); }

check_fails "not with a wrong password" join "$(address paris wrong)"
check_like "which is said" "$(<"$TMP/out")" '*password authentication failed*'
check_fails "not with another's certificate" join "$(address paris '' "$TMP/other.crt")"
check_like "which is said" "$(<"$TMP/out")" '*certificate verify failed*'
check_fails "not without TLS" join "postgresql://paris:secret-paris@10.9.0.1/postgres?sslmode=disable"
check_fails "not as a box that is none" env -u ALGCTL_STORE "$ALGCTL" -n "$paris" --store "$(address paris)" fleet join oslo
check_like "which is said" "$(<"$TMP/out")" "*the fleet has no box 'oslo'*"
own=/var/lib/nf-alg/netns/$paris
check_fails "nothing is kept of that" test -e "$own/store.address"
check "the box joins" join "$(address paris)"
check_is "the address, which has a password, is root's alone" "$(stat -c '%a %u' "$own/store.address")" "600 0"
check_is "so is the name" "$(cat "$own/box")" paris

# ---- agents ----

# What they have kept is beside the address.
agent() { daemon "$1" db env -u ALGCTL_STORE "$ALGCTL" -n "${NETNS[$1]}" agent every 5s; }

has()	# has BOX PATTERN: what its kernel has
{
	local text
	text=$("$ALGCTL" -n "${NETNS[$1]}" --store none export 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $2 ]]
}

state()	# state BOX PATTERN: its line of the fleet's
{
	local text
	text=$(store fleet status "$1" 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $2 ]]
}

becomes() { check "$1" wait_for 90 "${@:2}"; }

# cut BOX: every packet is lost, and nobody is told
cut() { on "$1" nft -f - <<<'table inet cut { chain i { type filter hook input priority 0; policy drop; }
	chain o { type filter hook output priority 0; policy drop; }; }'; }
mend() { on "$1" nft delete table inet cut; }

(unset ALGCTL_STORE; "$ALGCTL" -n "$rome" --store "$(address rome)" fleet join rome) >"$TMP/out" 2>&1 || fail "rome joins"
agent rome
# A database that does not answer this one for 10 s is away; the kernel's time-outs are longer.
export ALGCTL_PATIENCE=10
agent paris
unset ALGCTL_PATIENCE
becomes "an agent has the tenant" state paris '*applied*'
becomes "and the other" state rome '*applied*'
check "in the kernel" has paris '*acme:*zone: 7*'
mapfile -t sessions < <(pg_sql "SELECT usename || ' ' || ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
	WHERE client_addr IS NOT NULL ORDER BY 1")
check_is "over TLS" "${sessions[*]}" "paris true rome true"

# ---- an agent's link ----

SECONDS=0
check "the link of one fails" cut paris
becomes "its agent notices" file_has "$TMP/paris.log" '*no database, everything stays as it is*'
check "within 60 s" test $SECONDS -lt 60
diag "noticed after $SECONDS s"
check "its kernel stays as it was" has paris '*acme:*zone: 7*'
check "a change meanwhile" store tenant set acme zone 9
becomes "reaches the other" has rome '*zone: 9*'
check_fails "but not this one" has paris '*zone: 9*'
check "the link comes back" mend paris
becomes "so does the agent" has paris '*zone: 9*'
becomes "and reports" state paris '*applied*'

# ---- an operator's link, while he holds the lock ----

ALGCTL_STORE=$(address otto) KILL_AT_SQL=COMMIT LD_PRELOAD=${ALGCTL%/*}/tests/kill_at.so \
	daemon otto paris "$ALGCTL" tenant set acme zone 11
locked() { [ "$(pg_sql "SELECT count(*) FROM pg_locks WHERE relation = 'store_meta'::regclass AND mode LIKE 'ShareRow%'")" = 1 ]; }
becomes "an operator is in the middle of a change" locked
nap 0.5
SECONDS=0
check "when his link fails" cut paris
check "the next one has to wait for less than 60 s" timeout 60 "$ALGCTL" tenant set acme max-sessions 5
diag "waited $SECONDS s"
check_like "the first change is not there" "$(store tenant show acme)" '*zone*9*'
kill -CONT "${PIDS[otto]}"
wait_for 90 gone "${PIDS[otto]}"
check "he is told" file_has "$TMP/otto.log" '*store:*'
wait "${PIDS[otto]}"
check_is "with the status of a refusal" $? 2
unset 'PIDS[otto]'
mend paris
becomes "his box has the other's change" has paris '*max-sessions: 5*'

# ---- a server that is stuck: connections stand, nobody answers ----

sessions() { pg_sql "SELECT pid FROM pg_stat_activity WHERE usename = 'paris'"; }
mapfile -t stuck < <(sessions)
SECONDS=0
check "a session hangs" kill -STOP "${stuck[@]}"
becomes "the agent gives it up" file_has "$TMP/paris.log" '*the database does not answer*'
check "within 40 s" test $SECONDS -lt 40
kill -CONT "${stuck[@]}"
check "a change" store tenant set acme zone 12
becomes "and comes back with another" has paris '*zone: 12*'
becomes "which it reports" state paris '*applied*'

# ---- the bridge ends and comes: a link that is known to be down ----

SECONDS=0
check "a link goes down" ip -n "$db" link set rome down
check "a change" store tenant set acme zone 13
becomes "the other agent has it" has paris '*zone: 13*'
becomes "this one notices" file_has "$TMP/rome.log" '*no database, everything stays as it is*'
check "within 70 s" test $SECONDS -lt 70
diag "noticed after $SECONDS s"
check "the link is up again" ip -n "$db" link set rome up
becomes "and has it, too" has rome '*zone: 13*'
becomes "all is well" state rome '*applied*'
check "the log is whole" store log verify
rm -rf "$own" "/var/lib/nf-alg/netns/$rome"
finish
