# Completion of rfqctl in bash. Source it, or put it into /usr/share/bash-completion/completions/rfqctl. What may stand
# next is asked of rfqctl itself, and names of sessions, LPs, RFQs and orders of the running rfqd.
_rfqctl() {
    local word=${COMP_WORDS[COMP_CWORD]} found
    mapfile -t found < <("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | sort -u)
    case ${found[0]} in
    :files) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    :dirs) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    *) COMPREPLY=("${found[@]}") ;;
    esac
}
complete -F _rfqctl rfqctl
