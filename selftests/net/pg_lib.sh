# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2120	# tests use PG_OWNER and give arguments
#
# A PostgreSQL server for the tests of stores, behind lib.sh: pg_make, additions to $PG/data, pg_start. Its owner works through a
# socket in $PG; PG_OWNER is the address.

for POSTGRES in /usr/lib/postgresql/*/bin; do :; done
PG=$TMP/pg
PG_OWNER="postgresql:///postgres?host=$PG&user=owner"
PG_NS=
PG_NOBODY=(setpriv --reuid nobody --regid nogroup --clear-groups)	# the server refuses to be root

# pg PROGRAM ARGUMENTS...
pg()
{
	local program=$1
	shift
	${PG_NS:+nsenter "--net=/run/netns/${NETNS[$PG_NS]}"} "${PG_NOBODY[@]}" "$POSTGRES/$program" "$@" </dev/null
}

# pg_begin: where it fails, with what the server says
pg_begin()
{
	pg pg_ctl -D "$PG/data" -l "$PG/log" -w -t 120 start && return
	[ ! -e "$PG/log" ] || tail -n 15 "$PG/log"
	return 1
}

pg_end() { pg pg_ctl -D "$PG/data" -m immediate -w stop; }
pg_end_quietly() { [ ! -e "$PG/data/postmaster.pid" ] || pg_end >/dev/null 2>&1; }

# pg_sql TEXT: as the owner; rows on lines
pg_sql() { "$POSTGRES/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG" -U owner -d postgres -c "$1" </dev/null; }

# pg_needs: skips the test where there is no server, or no machine for one
pg_needs()
{
	need setpriv "$POSTGRES/initdb" "$POSTGRES/pg_ctl" "$POSTGRES/psql"
	[ -e /proc/sysvipc/shm ] || skip_all "this kernel has no System V shared memory"
	"${PG_NOBODY[@]}" true || skip_all "no process can be nobody's here"
}

# pg_broken TITLE: what should have been there; the test ends
pg_broken()
{
	fail "$1"
	output_of_last
	finish
}

# A database without anything in it.
pg_make()
{
	pg_needs
	mkdir "$PG" && chown nobody:nogroup "$PG"
	pg initdb -D "$PG/data" -A trust -U owner -N --no-instructions --no-locale -E UTF8 >"$TMP/out" 2>&1 ||
		pg_broken "PostgreSQL makes a database"
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PG'" 'fsync = off' 'shared_buffers = 4MB' \
		'max_connections = 20' 'autovacuum = off' >>"$PG/data/postgresql.conf"
}

# pg_start [NS]: in a namespace of setup_ns; it ends with the test
pg_start()
{
	PG_NS=${1-}
	trap 'pg_end_quietly; on_exit' EXIT
	pg_begin >"$TMP/out" 2>&1 || pg_broken "PostgreSQL starts"
}
