# Completion of rfqctl in bash: commands, states and the RFQs in memory. Source it, or put it into
# /usr/share/bash-completion/completions/rfqctl.
_rfqctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
    local where=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --socket | --dir) where=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    case $before in
    --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    --dir) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    rfq)
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${where[@]}" --json rfqs 2>/dev/null |
            sed -n 's/.*"rfq":"\([^"]*\)".*/\1/p')" -- "$word")
        ;;
    rfqs)
        mapfile -t COMPREPLY < <(compgen -W "BIDDING_OPEN EVALUATION AWARDED COMPLETED CANCELLED REJECTED EXPIRED" -- "$word")
        ;;
    workflow) mapfile -t COMPREPLY < <(compgen -W dot -- "$word") ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "--socket --dir --json --watch --frames --help $("${COMP_WORDS[0]}" --help |
            sed -n 's/^  \([a-z]*\) .*/\1/p')" -- "$word")
        ;;
    esac
}
complete -F _rfqctl rfqctl
