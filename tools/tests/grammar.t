# Command lines and the requests they make: command ; exit status ; the whole output (after "=") or a part of it.
# Nothing is sent (ALGCTL_DRY).

# ---- service ----
service add ftp-alt protocol ftp tcp 2121 ; 0 ; =service-set create excl name=ftp-alt protocol=0 transport=6 port-min=2121 port-max=2121
service add a protocol sip udp 5060-5070 ; 0 ; =service-set create excl name=a protocol=1 transport=17 port-min=5060 port-max=5070
service add a tcp 1 protocol ike ; 0 ; =service-set create excl name=a protocol=4 transport=6 port-min=1 port-max=1
service add a protocol ftp tcp 21 to 198.51.100.0/24 ; 0 ; destination { address=c6336400 length=24 }
service add a protocol ftp tcp 21 to 0.0.0.0/0 ; 0 ; destination { address=00000000 length=0 }
service add a protocol ftp tcp 21 to ::/0,2001:db8::1 ; 0 ; destination { address=00000000000000000000000000000000 length=0 } destination { address=20010db8000000000000000000000001 length=128 }
service add a protocol ftp tcp 21 except 198.51.100.9 ; 0 ; except { address=c6336409 length=32 }
service add a protocol ftp tcp 21 to any except none ; 0 ; =service-set create excl name=a protocol=0 transport=6 port-min=21 port-max=21
service set a tcp 22 ; 0 ; =service-set name=a transport=6 port-min=22 port-max=22
service set a protocol tftp ; 0 ; =service-set name=a protocol=2
service del a ; 0 ; =service-del name=a
service show ; 0 ; service-get dump
service ; 0 ; service-get dump
service show a ; 0 ; service-get name=a
service add help protocol ftp tcp 21 ; 0 ; name=help
# missing
service add ; 1 ; NAME is missing
service add a ; 1 ; protocol is missing
service add a protocol ftp ; 1 ; tcp or udp is missing
service add a protocol ; 1 ; 'protocol' wants PROTOCOL
service set ; 1 ; NAME is missing
service set a ; 1 ; nothing is given that could be changed
service del ; 1 ; NAME is missing
# wrong
service add a protocol ftp tcp 21 udp 21 ; 1 ; 'udp' can't be given here as well
service add a protocol ftp tcp 21 tcp 22 ; 1 ; 'tcp' is given twice
service add a protocol http tcp 80 ; 1 ; 'http' is no protocol
service add a protocol http tcp 80 ; 1 ; expected: ftp, sip, tftp, pptp, ike
service add a protocol ftpp tcp 80 ; 1 ; did you mean 'ftp'?
service add a prot ftp ; 1 ; unknown word 'prot'
service add a prot ftp ; 1 ; did you mean 'protocol'?
service add a prot ftp ; 1 ; expected: protocol, tcp, udp, to, except
service add a protocol ftp tcp 0 ; 1 ; a port is a number from 1 to 65535, not '0'
service add a protocol ftp tcp 65536 ; 1 ; a port is a number
service add a protocol ftp tcp 22-21 ; 1 ; the range 22-21 ends before it begins
service add a protocol ftp tcp 21- ; 1 ; a port is a number
service add a protocol ftp tcp -1 ; 1 ; unknown option '-1'
service add a protocol ftp tcp 2x ; 1 ; argument: tcp 2x
service add a protocol ftp tcp 21 to 198.51.100.1/24 ; 1 ; has bits behind its prefix
service add a protocol ftp tcp 21 to 198.51.100.1/24 ; 1 ; did you mean '198.51.100.0/24'?
service add a protocol ftp tcp 21 to 198.51.100.0/33 ; 1 ; a prefix length is a number from 0 to 32, not '33'
service add a protocol ftp tcp 21 to 2001:db8::/129 ; 1 ; a prefix length is a number from 0 to 128
service add a protocol ftp tcp 21 to host ; 1 ; 'host' is no IPv4 or IPv6 address or prefix
service add a protocol ftp tcp 21 to 1.2.3.4, ; 1 ; to has an empty item
service add a protocol ftp tcp 21 to any,1.2.3.4 ; 1 ; 'any' can't be mixed with prefixes
service add a protocol ftp tcp 21 to 1.2.3.4,any ; 1 ; 'any' can't be mixed with prefixes
service add -a protocol ftp ; 1 ; unknown option '-a'
service add a/b protocol ftp tcp 1 ; 1 ; 'a/b' is no name for a service
service add .a protocol ftp tcp 1 ; 1 ; is no name for a service
service add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa protocol ftp tcp 1 ; 1 ; has at most 63 characters, this one has 64
service add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa protocol ftp tcp 1 ; 0 ; service-set
service del a b ; 1 ; nothing more is expected, not 'b'
service remove a ; 1 ; service has no command 'remove'
service remove a ; 1 ; expected: show, add, set, del, list, edit, versions, diff, rollback, clone, references, propagate,
service ad a ; 1 ; did you mean 'add'?

# ---- policy ----
policy add gold ; 0 ; =policy-set create excl name=gold
policy add gold ftp on sip off tftp observe ; 0 ; =policy-set create excl name=gold rule { protocol=0 mode=1 } rule { protocol=1 mode=0 } rule { protocol=2 mode=2 }
policy add gold version 7 ; 0 ; =policy-set create excl name=gold version=7
policy set gold ftp mode on services ftp,ftp-alt option ftps=refuse pinhole-timeout=30 ; 0 ; =policy-set name=gold rule { protocol=0 mode=1 service=ftp service=ftp-alt option { pinhole-timeout=30 ftps=1 } }
policy set gold ftp option ftps=refuse off sip observe ; 0 ; =policy-set name=gold rule { protocol=0 mode=0 option { ftps=1 } } rule { protocol=1 mode=2 }
policy set gold ftp option ftps=default pinhole-timeout=default ; 0 ; option { pinhole-timeout=60 ftps=0 }
policy set gold ftp option mismatch-address=on bare-lf=ignore max-pinholes=128 malformed=drop ; 0 ; option { malformed=1 max-pinholes=128 mismatch-address=1 bare-lf=1 }
policy set gold tftp option write=refuse version 3 ; 0 ; =policy-set name=gold version=3 rule { protocol=2 option { write=1 } }
policy set gold pptp option malformed=drop ike off ; 0 ; =policy-set name=gold rule { protocol=3 option { malformed=1 } } rule { protocol=4 mode=0 }
policy set gold sip option direct-media=any direct-signalling=on media-timeout=30 ; 0 ; option { media-timeout=30 direct-media=2 direct-signalling=1 }
policy set gold sip option mismatch-address=on unknown-methods=drop hold=close rewrite=none same-nat=hairpin ; 0 ; option { mismatch-address=1 unknown-methods=2 hold=1 rewrite=2 same-nat=1 }
policy set gold sip option max-calls=0 max-registrations=1000000 max-message=1024 max-header=30000 request-rate=5 call-timeout=default ; 0 ; option { max-calls=0 max-registrations=1000000 max-message=1024 max-header=30000 request-rate=5 call-timeout=43200 }
policy set gold sip option direct-media=none ; 1 ; direct-media is sdp-peer or signalling-peer or any, not 'none'
policy set gold sip option max-message=1023 ; 1 ; max-message is a number from 1024 to 65535, not '1023'
policy set gold sip option pinhole-timeout=5 ; 1 ; sip has no option 'pinhole-timeout'
policy set gold ftp option max-calls=5 ; 1 ; ftp has no option 'max-calls'
policy del gold ; 0 ; =policy-del name=gold
policy show ; 0 ; policy-get dump
policy set gold ; 1 ; nothing is given that could be changed
policy set gold ftp ; 1 ; 'ftp' wants more
policy set gold ftp ; 1 ; expected: on, off, observe, mode, services, option
policy set gold ftp maybe ; 1 ; unknown word 'maybe'
policy set gold ftp mode maybe ; 1 ; 'maybe' is no mode
policy set gold ftp mode maybe ; 1 ; argument: ftp mode maybe
policy set gold ftp on off ; 1 ; 'mode' is given twice
policy set gold ftp on mode off ; 1 ; 'mode' is given twice
policy set gold ftp on sip on ftp off ; 1 ; 'ftp' is given twice
policy set gold ftp option ; 1 ; 'option' wants NAME=VALUE...
policy set gold ftp option ftps ; 1 ; 'option' wants NAME=VALUE...
policy set gold ftp option ftps=maybe ; 1 ; ftps is pass or refuse, not 'maybe'
policy set gold ftp option ftps=maybe ; 1 ; argument: ftp option ftps=maybe
policy set gold ftp option ftps= ; 1 ; ftps is pass or refuse
policy set gold ftp option fpts=pass ; 1 ; ftp has no option 'fpts'
policy set gold ftp option fpts=pass ; 1 ; did you mean 'ftps'?
policy set gold ftp option write=allow ; 1 ; ftp has no option 'write'
policy set gold sip option ftps=pass ; 1 ; sip has no option 'ftps'
policy set gold ftp option pinhole-timeout=0 ; 1 ; pinhole-timeout is a number from 1 to 3600, not '0'
policy set gold ftp option pinhole-timeout=3601 ; 1 ; pinhole-timeout is a number from 1 to 3600
policy set gold ftp option pinhole-timeout=3600 ; 0 ; pinhole-timeout=3600
policy set gold ftp option pinhole-timeout=+5 ; 1 ; pinhole-timeout is a number
policy set gold ftp option ftps=pass ftps=pass ; 1 ; option 'ftps' is given twice
policy set gold ftp option ftps=pass nonsense ; 1 ; unknown word 'nonsense'
policy set gold ftp services ftp,ftp ; 1 ; service 'ftp' is named twice
policy set gold ftp services a/b ; 1 ; 'a/b' is no name for a service
policy set gold version x ; 1 ; version is a number
policy set gold http on ; 1 ; unknown word 'http'

# ---- tenant ----
tenant add acme ; 0 ; =tenant-set create excl name=acme
tenant add acme policy gold zone 7 interface lan0 mark 0x10/0xff max-pinholes 100 max-sessions 50 pinhole-rate 20 ports 1024-65535 block 64 ; 0 ; =tenant-set create excl name=acme policy=gold selector { zone=7 } selector { interface=lan0 } selector { mark=16 mask=255 } max-sessions=50 max-pinholes=100 pinhole-rate=20 port-min=1024 port-max=65535 block-size=64
tenant add a zone 1,2,0xff ; 0 ; selector { zone=1 } selector { zone=2 } selector { zone=255 }
tenant add a mark 5 ; 0 ; selector { mark=5 }
tenant add a mark 0x1,0x2/0x3 ; 0 ; selector { mark=1 } selector { mark=2 mask=3 }
tenant set acme no-selectors ; 0 ; =tenant-set name=acme no-selectors
tenant set acme max-sessions unlimited ; 0 ; =tenant-set name=acme max-sessions=0
tenant set acme ports any ; 0 ; =tenant-set name=acme port-min=0 port-max=0
tenant set acme ports 5000 block 0 ; 0 ; =tenant-set name=acme port-min=5000 port-max=5000 block-size=0
tenant set acme policy default ; 0 ; =tenant-set name=acme policy=default
tenant del acme ; 0 ; =tenant-del name=acme
tenant set acme no-selectors zone 7 ; 1 ; 'no-selectors' can't be given together with a selector
tenant set acme zone 7 no-selectors ; 1 ; 'no-selectors' can't be given together with a selector
tenant set acme zone 65536 ; 1 ; a zone is a number from 0 to 65535, not '65536'
tenant set acme interface averyverylonginterface ; 1 ; is no name of an interface
tenant set acme interface a/b ; 1 ; 'a/b' is no name of an interface
tenant set acme mark 0x100/0xff ; 1 ; has bits outside its mask
tenant set acme mark 1/0 ; 1 ; a mark's mask is a number from 1
tenant set acme mark 0x ; 1 ; a mark is a number
tenant set acme mark 4294967296 ; 1 ; a mark is a number
tenant set acme ports 9-8 ; 1 ; the range 9-8 ends before it begins
tenant set acme block 65536 ; 1 ; block is a number from 0 to 65535
tenant set acme max-sesions 5 ; 1 ; did you mean 'max-sessions'?
tenant set acme zone 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 ; 1 ; a tenant has at most 16 selectors

# ---- stats, pinhole, status, monitor ----
stats ; 0 ; stats-get dump
stats show tenant acme protocol ftp ; 0 ; stats-get dump tenant=acme protocol=0
stats --explain show ; 0 ; stats-get dump
stats reset ; 0 ; =stats-reset
stats reset tenant acme ; 0 ; =stats-reset tenant=acme
stats reset tenant ; 1 ; 'tenant' wants TENANT
stats reset --explain ; 1 ; --explain does not belong to this command
pinhole ; 0 ; pinhole-get dump
pinhole show tenant acme ; 0 ; pinhole-get dump tenant=acme
pinhole show protocol tftp ; 0 ; pinhole-get dump protocol=2
pinhole del id 18446744073709551615 ; 0 ; =pinhole-del id=18446744073709551615
pinhole del tenant acme ; 0 ; =pinhole-del tenant=acme
pinhole del ; 1 ; id or tenant is missing
pinhole del id x ; 1 ; 'x' is no id of a pinhole
pinhole del id -1 ; 1 ; unknown option '-1'
pinhole del id 1 tenant acme ; 1 ; 'tenant' can't be given here as well
pinhole add ; 1 ; pinhole has no command 'add'
call ; 0 ; call-get dump
call show tenant acme protocol sip flows ; 0 ; call-get dump tenant=acme protocol=1
call show id 4294967296 ; 1 ; '4294967296' is no id of a call
call show id x ; 1 ; 'x' is no id of a call
call show flows flows ; 1 ; 'flows' is given twice
call show flow ; 1 ; did you mean 'flows'?
call del id 4294967295 protocol sip ; 0 ; =call-del id=4294967295 protocol=1
call del tenant acme ; 0 ; =call-del tenant=acme
call del tenant acme protocol sip ; 0 ; =call-del tenant=acme protocol=1
call del ; 1 ; id or tenant is missing
call del protocol sip ; 1 ; id or tenant is missing
call del id 1 tenant acme ; 1 ; 'tenant' can't be given here as well
call add ; 1 ; call has no command 'add'
registration ; 0 ; registration-get dump
registration show tenant acme ; 0 ; registration-get dump tenant=acme
registration del id 3 protocol sip ; 0 ; =registration-del id=3 protocol=1
registration del ; 1 ; id is missing
registration del tenant acme ; 1 ; unknown word 'tenant'
registration del id -1 ; 1 ; unknown option '-1'
registration del id 4294967296 ; 1 ; is no id of a registration
tunnel ; 0 ; tunnel-get dump
tunnel show tenant acme client 10.0.0.1 gateway 192.0.2.0/24 sas ; 0 ; =tunnel-get dump tenant=acme
tunnel show client 10.0.0 ; 1 ; '10.0.0' is no IPv4 or IPv6 address or prefix
tunnel show gateway 192.0.2.1/24 ; 1 ; did you mean '192.0.2.0/24'?
tunnel show protocol ike ; 1 ; unknown word 'protocol'
tunnel del id 7 ; 0 ; =tunnel-del id=7
tunnel del tenant acme ; 0 ; =tunnel-del tenant=acme
tunnel del ; 1 ; id or tenant is missing
tunnel del id 4294967296 ; 1 ; is no id of a tunnel
tunnel del id 1 tenant acme ; 1 ; 'tenant' can't be given here as well
status ; 0 ; status-get
status now ; 1 ; nothing more is expected, not 'now'
monitor ; 0 ;
monitor tenant a/b ; 1 ; 'a/b' is no name for a tenant
monitor --count 0 ; 1 ; --count wants a number from 1 on
monitor --count x ; 1 ; --count wants a number from 1 on

# ---- everything else ----
version ; 0 ; algctl
-V ; 0 ; algctl
-j version ; 0 ; "version":
help ; 0 ; Objects:
-h ; 0 ; Objects:
help service ; 0 ; algctl service add NAME
service help ; 0 ; algctl service add NAME
service help add ; 0 ; TCP port or ports
service add --help ; 0 ; TCP port or ports
help service add ; 0 ; TCP port or ports
help policy set ; 0 ; pinhole-timeout=1..3600 seconds
help policy set ; 0 ; direct-media=sdp-peer,signalling-peer,any  (sip; default sdp-peer)
help call ; 0 ; algctl call show [id ID] [tenant TENANT] [protocol PROTOCOL] [flows]
help call del ; 0 ; algctl call del {id ID | tenant TENANT} [protocol PROTOCOL]
help tunnel ; 0 ; algctl tunnel show [id ID] [tenant TENANT] [client ADDRESS] [gateway ADDRESS] [sas]
help tunnel del ; 0 ; algctl tunnel del {id ID | tenant TENANT}
help registration ; 0 ; algctl registration del id ID [protocol PROTOCOL]
help nonsense ; 1 ; unknown object 'nonsense'
help service nonsense ; 1 ; service has no command 'nonsense'
 ; 1 ; an object is missing
servic show ; 1 ; did you mean 'service'?
services ; 1 ; did you mean 'service'?
--jsn service ; 1 ; did you mean '--json'?
-x service ; 1 ; unknown option '-x'
-n ; 1 ; -n wants NETNS
--netns ; 1 ; --netns wants NETNS
-n no/such service ; 1 ; is no name of a network namespace
-n nosuchnamespace service ; 1 ; there is no network namespace 'nosuchnamespace'
--json=yes service ; 1 ; --json takes no value
export --format xml ; 1 ; --format is yaml or json, not 'xml'
service --dry-run ; 1 ; --dry-run does not belong to this command
apply ; 1 ; FILE is missing
apply /nonexistent ; 1 ; /nonexistent: No such file or directory
apply a b ; 1 ; nothing more is expected, not 'b'
-j service add a prot ; 1 ; "argument": "prot"
-j service add a prot ; 1 ; "hint": "did you mean 'protocol'?"
