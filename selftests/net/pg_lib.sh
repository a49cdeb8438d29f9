# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2120	# tests use PG_OWNER and give arguments
#
# A PostgreSQL server for the tests of stores, behind lib.sh: pg_make, additions to $PG/data, pg_start. Its owner works through a
# socket in $PG; PG_OWNER is the address.

for POSTGRES in /usr/lib/postgresql/*/bin; do :; done
PG=$TMP/pg
PG_OWNER="postgresql:///postgres?host=$PG&user=owner"
PG_NS=

# pg PROGRAM ARGUMENTS...: the server refuses to be root
pg()
{
	local program=$1
	shift
	${PG_NS:+nsenter "--net=/run/netns/${NETNS[$PG_NS]}"} \
		setpriv --reuid nobody --regid nogroup --clear-groups "$POSTGRES/$program" "$@" </dev/null
}

pg_begin() { pg pg_ctl -D "$PG/data" -l "$PG/log" -w -t 120 start; }
pg_end() { pg pg_ctl -D "$PG/data" -m immediate -w stop; }
pg_end_quietly() { [ ! -e "$PG/data/postmaster.pid" ] || pg_end >/dev/null 2>&1; }

# pg_sql TEXT: as the owner; rows on lines
pg_sql() { "$POSTGRES/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG" -U owner -d postgres -c "$1" </dev/null; }

# A database without anything in it; the test is skipped where that can't be.
pg_make()
{
	need setpriv "$POSTGRES/initdb" "$POSTGRES/pg_ctl" "$POSTGRES/psql"
	mkdir "$PG" && chown nobody:nogroup "$PG"
	if ! pg initdb -D "$PG/data" -A trust -U owner -N --no-instructions --no-locale -E UTF8 >"$TMP/out" 2>&1; then
		output_of_last
		skip_all "PostgreSQL makes no database here"
	fi
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PG'" 'fsync = off' 'shared_buffers = 4MB' \
		'max_connections = 20' 'autovacuum = off' >>"$PG/data/postgresql.conf"
}

# pg_start [NS]: in a namespace of setup_ns; it ends with the test
pg_start()
{
	PG_NS=${1-}
	if ! pg_begin >"$TMP/out" 2>&1; then
		cat "$PG/log" >>"$TMP/out"
		output_of_last
		skip_all "PostgreSQL does not run here"
	fi
	trap 'pg_end_quietly; on_exit' EXIT
}
