#compdef steward
# Completion of steward for zsh; `steward completion zsh` prints it.
local -a reply open
if [[ $words[CURRENT-1] == (--config|--*-file|--into|--out|--socket|--control) ]]; then
    _files
    return
elif [[ $words[CURRENT] == *=@* ]]; then
    compset -P '*=@'
    _files
    return
fi
reply=(${(f)"$($words[1] __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
open=(${(M)reply:#*[/=]})
reply=(${reply:#*[/=]})
(( ${#open} )) && compadd -Q -S '' -- $open
(( ${#reply} )) && compadd -Q -- $reply
