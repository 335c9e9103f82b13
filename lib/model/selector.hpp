#pragma once
#include "base/result.hpp"
#include "model/snapshot.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Which guests somebody means, in the configuration, on the command line and over the API alike.
namespace steward::model {

/// One word: `ct/101`, `vm/200`, `101`, `100-110`, `@tag-web`, `@pool-prod`, `@node-n2`, `@all`, or a name with `*` and
/// `?`, like `web-*`. A leading `-` takes them away again.
class selector_word {
  public:
    struct everything {};
    struct tag {
        std::string name;  ///< lower case, as tags are
    };
    struct pool {
        std::string name;
    };
    struct glob {
        std::string pattern;
    };
    using range = std::pair<vmid, vmid>;  ///< both ends belong to it

    std::string text;  ///< as it was written, without the dash
    bool is_excluded = false;
    std::variant<everything, guest_id, range, tag, pool, node_name, glob> what;
};

class selector {
  public:
    std::vector<selector_word> words;

    /// Chosen by some word and taken away by none, whatever their order; all of them when every word takes away.
    [[nodiscard]] bool selects(const guest_row& guest) const;
    /// The first word that speaks of no guest of that cluster: most likely a slip of the pen. Empty: none.
    [[nodiscard]] std::string idle_word(const cluster_view& view) const;
};

/// Words separated by commas or blanks. Errors: invalid, with the word.
[[nodiscard]] result<selector> parse_selector(const std::vector<std::string>& words);

/// `*` is any text, `?` one character; upper and lower case are the same.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace steward::model
