# shellcheck shell=bash
# Completion of steward for bash; `steward completion bash` prints it.
_steward() {
    local line=${COMP_LINE:0:COMP_POINT} words reply last cut
    read -r -a words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=('')
    last=${words[-1]}
    # Readline replaces only what follows the last of these.
    cut=${last%"${last##*["$COMP_WORDBREAKS"]}"}
    if [[ ${words[-2]} =~ ^--(config|.*-file|into|out|socket|control)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$last")
        compopt -o filenames
    elif [[ $last == *=@* ]]; then
        mapfile -t reply < <(compgen -f -- "${last#*=@}")
        reply=("${reply[@]/#/"${last%%=@*}=@"}")
        COMPREPLY=("${reply[@]#"$cut"}")
    else
        mapfile -t reply < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
        COMPREPLY=("${reply[@]#"$cut"}")
        [[ ${reply[0]} == *[/=] ]] && compopt -o nospace
    fi
}
complete -F _steward steward
