# Completion of steward for fish; `steward completion fish` prints it.
function __steward_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l partial $words[-1]
    if string match -qr '^--(config|.*-file|into|out|socket|control)$' -- $words[-2]
        __fish_complete_path $partial
    else if string match -q '*=@*' -- $partial
        set -l parts (string split -m 1 '=@' -- $partial)
        for file in (__fish_complete_path $parts[2])
            echo $parts[1]=@$file
        end
    else
        $words[1] __complete $words[2..-1] 2>/dev/null
    end
end
complete -c steward -f -a '(__steward_complete)'
