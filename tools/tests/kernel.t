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
-j status ; 0 ; "nf_alg_ftp": "loaded"
