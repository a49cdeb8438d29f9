# bash completion for algctl; the command itself knows what can follow
_algctl() { mapfile -t COMPREPLY < <(algctl complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); }
complete -o default -F _algctl algctl
