#include "command_options.hpp"

#include <algorithm>

namespace steward::cli {

namespace {

const option which_cluster{
    .name = "cluster", .value = "NAME", .help = "of several in the configuration: its name there"};

}  // namespace

options joined(std::initializer_list<options> parts) {
    options all;
    for (const options& part : parts)
        for (const option& o : part) {
            // --cluster belongs to the way to the daemon and to the one to PVE.
            const auto is_same = [&](const option& other) { return other.name == o.name; };
            if (std::none_of(all.begin(), all.end(), is_same)) all.push_back(o);
        }
    return all;
}

options output_option() {
    return {{.name = "output",
             .value = "table|json|yaml",
             .help = "for people (the default), or for programs: docs/cli.md tells what is in it",
             .kind = word_kind::choice,
             .choices = "table|json|yaml",
             .old_choices = "text=table"}};
}

options watch_option() {
    return {{.name = "watch",
             .value = "SECONDS",
             .help = "look again and again, every 2 seconds or so many; a terminal is cleared before each look",
             .may_lack_value = true}};
}

options daemon_option() {
    return joined({{{.name = "socket",
                     .value = "PATH",
                     .help = "where stewardd listens (/run/steward/control.sock)",
                     .kind = word_kind::file}},
                   {which_cluster}});
}

options cluster_way() {
    return {
        {.name = "endpoint",
         .value = "HOST[:PORT]",
         .help = "a node of the cluster; more of them: repeat it",
         .is_repeated = true},
        {.name = "token-file",
         .value = "FILE",
         .help = "holds USER@REALM!TOKENID=SECRET, mode 0600",
         .kind = word_kind::file},
        {.name = "user", .value = "USER@REALM", .help = "log in with a password instead of a token"},
        {.name = "password-file", .value = "FILE", .help = "that user's password", .kind = word_kind::file},
        {.name = "totp-file",
         .value = "FILE",
         .help = "the secret of that user's second factor",
         .kind = word_kind::file},
        {.name = "fingerprint",
         .value = "AB:CD:…",
         .help = "SHA-256 of a node's certificate; more of them: repeat it",
         .is_repeated = true},
        {.name = "ca-file", .value = "FILE", .help = "the authority that signed them", .kind = word_kind::file},
        {.name = "config",
         .value = "FILE",
         .help = "what the options leave open (/etc/steward/steward.yaml)",
         .kind = word_kind::file},
        which_cluster,
        {.name = "trace", .value = "", .help = "show each exchange with PVE on standard error, without secrets"},
    };
}

std::vector<std::string_view> daemon_exits() {
    return {"0 done, or answered", "1 the daemon refused", "2 a mistake in the call",
            "3 no daemon answers, or nobody may ask it"};
}

}  // namespace steward::cli
