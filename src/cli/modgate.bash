# bash completion for modgate. It asks the program itself, so it knows what that very version can do.

# The commands that the help text of modgate, or of the words given, lists.
_modgate_commands() {
    modgate "$@" --help 2>/dev/null | sed -n '/^commands:/,$ s/^  \([a-z][a-z-]*\) .*/\1/p'
}

_modgate_options() {
    modgate "$@" --help 2>/dev/null | grep -o -- '--[a-z][a-z0-9-]*'
}

_modgate() {
    local current=${COMP_WORDS[COMP_CWORD]} i path=()
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
        [[ ${COMP_WORDS[i]} =~ ^[a-z][a-z-]*$ ]] || break
        ((i == 1)) || [[ " $(_modgate_commands "${path[@]}" | tr '\n' ' ') " == *" ${COMP_WORDS[i]} "* ]] || break
        path+=("${COMP_WORDS[i]}")
    done
    if [[ $current == -* && ${#path[@]} -gt 0 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_modgate_options "${path[@]}")" -- "$current")
    elif ((COMP_CWORD == ${#path[@]} + 1 && COMP_CWORD < 3)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_modgate_commands "${path[@]}")" -- "$current")
    fi
    ((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -o filenames -F _modgate modgate
