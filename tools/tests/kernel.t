# One session with the kernel of the tests, in this order: command ; exit status ; output. What a line does stays for the next.

service add ftp-alt protocol ftp tcp 2121 to 198.51.100.0/24 ; 0 ; =
-j service add ftp-b protocol ftp tcp 2122 ; 0 ; "ok": true
service add ftp-alt protocol ftp tcp 2121 ; 2 ; Error: service 'ftp-alt': exists already
service add ftp-alt protocol ftp tcp 2121 ; 2 ; argument: ftp-alt
service set ftp tcp 22 ; 2 ; predefined services can't be changed
service set nosuch tcp 22 ; 2 ; service 'nosuch': does not exist
service show nosuch ; 2 ; service 'nosuch': does not exist
service show ; 0 ; ftp (predefined)
service show ftp-alt ; 0 ; tcp 2121
service set ftp-alt to any ; 0 ; =
service show ftp-alt ; 0 ; any
-j service show ftp-alt ; 0 ; "tcp": "2121"
service set nosuch to any ; 2 ; does not exist
service del ftp-b ; 0 ; =
service del ftp-b ; 2 ; does not exist
policy add gold ftp services ftp,nosuch ; 2 ; argument: ftp services ftp,nosuch
-j policy add gold ftp services ftp,nosuch ; 2 ; "argument": "ftp services ftp,nosuch"
-j policy add gold ftp services ftp,nosuch ; 2 ; "code": "ENOENT"
policy add gold sip off ftp option ftps=refuse ; 0 ; =
policy show gold ; 0 ; ftps=refuse*
policy show gold ; 0 ; * not the default
policy show default ; 0 ; pinhole-timeout=60 max
-j policy show gold ; 0 ; "ftps": "refuse"
tenant add acme policy silver ; 2 ; argument: policy silver
tenant add acme policy gold zone 7 max-sessions 50 ; 0 ; =
tenant add bob zone 7 ; 2 ; tenant acme has it
tenant add bob zone 7 ; 2 ; argument: zone 7
tenant add bob zone 8 ports 1024-2047 block 64 ; 0 ; =
tenant show ; 0 ; zone 7
tenant show ; 0 ; 0/50
tenant show bob ; 0 ; 1024-2047 block 64
-j tenant show bob ; 0 ; "ports": "1024-2047"
policy del gold ; 2 ; a tenant has it
tenant del acme ; 0 ; =
policy del gold ; 0 ; =
stats ; 0 ; low-port
stats --explain ; 0 ; The announced port is below 1024.
-j stats ; 0 ; "low-port": 3
-j --explain stats ; 0 ; "low-port": "The announced port is below 1024."
pinhole ; 0 ; 203.0.113.1:50001
-j pinhole ; 0 ; "age": 5
status ; 0 ; nf_alg fake
-j pinhole ; 0 ; "call": 12
pinhole ; 0 ; 12    -
pinhole show tenant nosuch ; 2 ; argument: tenant nosuch
-j status ; 0 ; "nf_alg_ftp": "loaded"
-j status ; 0 ; "calls": 3
status ; 0 ; 0 sessions, 0 pinholes, 3 calls, 1 registration, 2 tunnels
-j status ; 0 ; "tunnels": 2
stats ; 0 ; invite
stats --explain ; 0 ; Responses with a status from 600 to 699.
call ; 0 ; 12  sip       established  35s  alice@example.org -> bob@example.net   default  2      500
call ; 0 ; 13  sip       early
call ; 0 ; 12  pptp      setup
call show protocol sip id 12 ; 0 ; audio        udp  203.0.113.2:30000 -> 203.0.113.1:20000 -> 192.168.1.11:4000  500 packets, 86000 bytes  active
call show flows ; 0 ; audio rtcp   udp  any -> 203.0.113.1:20001  pending
call show id 99 ; 0 ; =
call show tenant nosuch ; 2 ; argument: tenant nosuch
-j call ; 0 ; "name": "a84b4c76?@?pc"
-j call ; 0 ; "packets": 500
-j call show id 13 ; 0 ; "flows": []
call del id 12 ; 1 ; several protocols have a call 12
call del id 12 ; 1 ; add 'protocol sip' or another
call del id 13 ; 0 ; =
-j call del id 12 protocol pptp ; 0 ; "ok": true
call del id 99 ; 2 ; there is no call 99
-j call del id 99 ; 2 ; "argument": "id 99"
call del id 13 protocol pptp ; 2 ; argument: id 13
call del tenant default ; 0 ; =
call del tenant nosuch ; 2 ; argument: tenant nosuch
registration ; 0 ; 3   default  sip       alice@example.org  udp        192.168.1.11:5060  203.0.113.1:20010  203.0.113.2  60s  3540s
-j registration ; 0 ; "aor": "alice@example.org"
registration show protocol ftp ; 0 ; =
registration del id 3 ; 0 ; =
registration del id 4 ; 2 ; there is no registration 4
tunnel ; 0 ; ID  TENANT   CLIENT        GATEWAY        PUBLIC        SLOT  IKE  SAS  AGE  IDLE  BYTES-OUT  BYTES-IN
tunnel ; 0 ; 7   default  192.168.1.11  203.0.113.2    203.0.113.1   1     2    12   41s  0s    66000      65736
tunnel ; 0 ; 8   default  2001:db8::11  2001:db8:1::2  2001:db8::11  0     1    0    2s   2s    -          -
tunnel show id 7 ; 0 ; zone 5, ESP is tracked in zone 61440; 500 packets out, 498 in; new SAs are waited for
tunnel show id 7 ; 0 ; ike v2   0xf123456789abcdef 0x0000000000c0ffee  age 40s  idle 3s
tunnel show sas ; 0 ; ike v1   0x0000000000000001 -                   age 2s  idle 0s
tunnel show id 7 ; 0 ; esp out  0xc1a2b3c4  peer 0x0d0e0f10  age 35s  idle 0s
tunnel show id 7 ; 0 ; esp in   0x0d0e0f10  peer -           age 35s  idle 1s
tunnel show id 7 ; 0 ; and 0 IKE sessions, 10 SAs more
tunnel show id 9 ; 0 ; =
tunnel show client 192.168.1.12 ; 0 ; =
tunnel show client 192.168.0.0/17 ; 0 ; 7   default
tunnel show client 192.168.128.0/17 ; 0 ; =
tunnel show gateway 2001:db8:1::/48 ; 0 ; 8   default
tunnel show gateway 0.0.0.0/0 client 192.168.1.11 tenant default ; 0 ; 7   default
tunnel show tenant nosuch ; 2 ; argument: tenant nosuch
-j tunnel show id 7 ; 0 ; "ispi": "0xf123456789abcdef"
-j tunnel show id 7 ; 0 ; "peer": "0x0d0e0f10"
-j tunnel show id 7 ; 0 ; "gate": true
-j tunnel show id 7 ; 0 ; "sequence": 498
-j tunnel show id 8 ; 0 ; "gate": false
-j tunnel show id 8 ; 0 ; "sa": []
tunnel del id 7 ; 0 ; =
tunnel del id 9 ; 2 ; no such tunnel
tunnel del id 9 ; 2 ; argument: id 9
tunnel del tenant default ; 0 ; =
tunnel del tenant nosuch ; 2 ; argument: tenant nosuch
monitor --count 6 ; 0 ; call-started tenant default sip 13 carol@example.org -> dave@example.net, early, 2s
monitor --count 6 ; 0 ; pinhole-opened tenant default sip udp any to [2001:db8::1]:20000
monitor --count 6 ; 0 ; call-answered tenant default sip 12 alice@example.org -> bob@example.net, established, 35s
monitor --count 6 ; 0 ; call-ended tenant default pptp 12 192.168.1.12 -> 203.0.113.3, setup, 0s
monitor --count 6 ; 0 ; registered tenant default sip 3 alice@example.org at 192.168.1.11:5060 as 203.0.113.1:20010, udp, for 3540s
monitor --count 1 protocol pptp ; 0 ; call-ended
monitor --count 8 ; 0 ; tunnel-started tenant default ike 7 192.168.1.11 -> 203.0.113.2 as 203.0.113.1, slot 1, 41s
monitor --count 1 protocol ike ; 0 ; tunnel-started
monitor --count 2 protocol ike ; 0 ; tunnel-ended tenant default ike 8 2001:db8::11 -> 2001:db8:1::2, slot 0, 2s
-j monitor --count 1 protocol ike ; 0 ; "tunnel":{"id":7,
-j monitor --count 1 ; 0 ; "call":{"id":13,
-j monitor --count 1 protocol pptp ; 0 ; "event":"call-ended"
