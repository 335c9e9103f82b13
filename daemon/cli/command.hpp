#pragma once
#include <string>
#include <string_view>
#include <vector>

/// What a command takes, said once: the parser, --help, the man pages and the shells' completion all read it.
namespace steward::cli {

struct arguments;

/// What a word, or an option's value, stands for: completion offers what there is of it.
enum class word_kind {
    free,
    choice,   ///< one of `choices`; anything else is refused
    guest,    ///< ct/101, vm/200
    guests,   ///< a selector's words (model/selector.hpp)
    node,     ///< n2
    object,   ///< cluster, node/n2, ct/101
    storage,  ///< nas
    file,
    command,  ///< one of ours
    api_word  ///< a path of PVE's API, or what comes behind one
};

class option {
  public:
    std::string_view name = {};   ///< without dashes
    std::string_view value = {};  ///< "NODE"; empty: a flag
    std::string_view help = {};   ///< one line, without a full stop
    word_kind kind = word_kind::free;
    std::string_view choices = {};      ///< "a|b|c", for word_kind::choice
    bool is_repeated = false;           ///< its values are kept with commas between
    bool may_lack_value = false;        ///< --watch, --watch=5, or --watch 5 with a number below 100
    std::string_view old_choices = {};  ///< "text=table": still taken, and means that
};

class operand {
  public:
    std::string_view name = {};  ///< "GUEST"
    word_kind kind = word_kind::free;
    std::string_view choices = {};
    bool is_optional = false;
    bool is_repeated = false;
};

class command {
  public:
    std::string_view name = {};     ///< "failover", "backup create"
    std::string_view topic = {};    ///< the heading that it stands under in `steward --help`
    std::string_view summary = {};  ///< one line, without a full stop
    std::vector<operand> operands = {};
    std::vector<option> options = {};
    std::string_view more = {};  ///< paragraphs with empty lines between; empty: the summary says all
    std::vector<std::string_view> examples = {};
    std::vector<std::string_view> exits = {};  ///< "0 done"; what its exit codes mean
    int (*run)(const arguments&) = nullptr;
    bool is_default = false;    ///< "parked list" is what `steward parked` does
    int mistake = 2;            ///< exit code for a call that makes no sense
    bool reads_itself = false;  ///< everything behind its name is its own affair (simulate)
};

/// "status", or "backup" of "backup create".
[[nodiscard]] std::string_view first_word(const command& c);
/// "create" of "backup create"; empty: it has only one.
[[nodiscard]] std::string_view second_word(const command& c);
[[nodiscard]] const option* find_option(const command& c, std::string_view name);
/// "a|b|c" → its parts.
[[nodiscard]] std::vector<std::string_view> choices_of(std::string_view text);
/// "backup list [GUESTS…]"
[[nodiscard]] std::string with_operands(const command& c);
/// "steward failover GUEST [--to NODE] …" on one line.
[[nodiscard]] std::string synopsis(const command& c);
/// "--to NODE", "--watch [SECONDS]", "-o, --output table|json|yaml"
[[nodiscard]] std::string spelled(const option& o);

}  // namespace steward::cli
