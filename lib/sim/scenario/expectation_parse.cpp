#include "sim/scenario/expectation.hpp"

#include <charconv>
#include <fmt/core.h>
#include <map>
#include <optional>

/// The lines of `expect:` as data.
namespace steward::sim::scenario {

namespace {

using words = std::vector<std::string>;

words split(std::string_view text, char at) {
    words parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(at, begin), text.size());
        if (end > begin) parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::optional<double> number_in(std::string_view text) {
    double value = 0;
    const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The words of one line, taken from the front.
class line_reader {
  public:
    explicit line_reader(std::string_view text) : line_(text), words_(split(text, ' ')) {}

    [[nodiscard]] bool is_over() const { return at_ == words_.size(); }
    [[nodiscard]] std::string peek() const { return is_over() ? std::string() : words_[at_]; }
    std::string take() { return is_over() ? std::string() : words_[at_++]; }
    bool take_if(std::string_view word) {
        if (peek() != word) return false;
        ++at_;
        return true;
    }
    [[nodiscard]] fault wrong(const std::string& why) const {
        return fault(errc::invalid, "expectation", fmt::format("\"{}\": {}", line_, why));
    }

  private:
    std::string line_;
    words words_;
    std::size_t at_ = 0;
};

/// "in 165..195", "before 120", "after 300", "until 500", "at end"; several narrow it.
result<void> read_window(line_reader& from, window& into) {
    for (;;) {
        if (from.take_if("in")) {
            const std::string range = from.take();
            const std::size_t dots = range.find("..");
            const auto low = number_in(range.substr(0, dots));
            const auto high = dots == std::string::npos ? std::nullopt : number_in(range.substr(dots + 2));
            if (!low || !high || *low > *high) return from.wrong("in needs a range like 165..195");
            into.from = *low;
            into.to = *high;
        } else if (from.peek() == "before" || from.peek() == "after") {
            const bool is_before = from.take() == "before";
            const auto when = number_in(from.take());
            if (!when) return from.wrong("before and after need seconds");
            (is_before ? into.to : into.from) = *when;
        } else if (from.take_if("at")) {
            if (!from.take_if("end")) return from.wrong("at end is the only \"at\"");
        } else {
            return {};
        }
    }
}

result<void> read_comparison(line_reader& from, expectation& into) {
    const std::string sign = from.take();
    if (sign == "==")
        into.comparison = compare::equal;
    else if (sign == ">=")
        into.comparison = compare::at_least;
    else if (sign == "<=")
        into.comparison = compare::at_most;
    else
        return from.wrong("a comparison is missing (== 0, >= 1, <= 2)");
    const auto count = number_in(from.take());
    if (!count) return from.wrong("the comparison needs a number");
    into.number = static_cast<int>(*count);
    return {};
}

result<void> read_guest(line_reader& from, std::string& into) {
    const std::string guest = from.take();
    if (guest.empty()) return from.wrong("a guest like ct101 is missing");
    if (guest != "any") into = guest;
    return {};
}

/// "@ n1|n2"
result<void> read_places(line_reader& from, words& into) {
    if (!from.take_if("@")) return {};
    into = split(from.take(), '|');
    if (into.empty()) return from.wrong("@ needs a node");
    return {};
}

/// What the pattern of a line is made of, by its first word.
enum class shape { guest_at, guest_name, node, node_name, name, name_object };

class sight_word {
  public:
    sight kind;
    shape rest;
};

const std::map<std::string, sight_word>& sight_words() {
    static const std::map<std::string, sight_word> all = {
        {"run", {sight::run, shape::guest_at}},          {"stop", {sight::stop, shape::guest_at}},
        {"kill", {sight::kill, shape::guest_at}},        {"state", {sight::state, shape::guest_name}},
        {"held", {sight::held, shape::guest_name}},      {"alert", {sight::alert, shape::name}},
        {"reset", {sight::reset, shape::node}},          {"leader", {sight::leader, shape::node}},
        {"fence", {sight::fence, shape::node_name}},     {"nodestate", {sight::node_state, shape::node_name}},
        {"crash", {sight::crash, shape::node}},          {"guard", {sight::guard, shape::node_name}},
        {"reject", {sight::reject, shape::name_object}}, {"exits", {sight::exit, shape::name}},
    };
    return all;
}

/// "n1..n11": all between.
words nodes_in(const std::string& text) {
    const std::size_t dots = text.find("..");
    if (dots == std::string::npos) return split(text, '|');
    const auto low = number_in(std::string_view(text).substr(1, dots - 1));
    const auto high = number_in(std::string_view(text).substr(dots + 3));
    words all;
    for (int i = static_cast<int>(low.value_or(1)); low && high && i <= static_cast<int>(*high); ++i)
        all.push_back(fmt::format("n{}", i));
    return all;
}

result<pattern> read_pattern(line_reader& from, const std::string& word) {
    const auto known = sight_words().find(word);
    if (known == sight_words().end()) return from.wrong(fmt::format("\"{}\" cannot be judged by this version", word));
    pattern p;
    p.kind = known->second.kind;
    const shape rest = known->second.rest;
    if (word == "held" && from.peek() == "none") {
        from.take();
        p.names = {"none"};
        return p;
    }
    if (rest == shape::guest_at || rest == shape::guest_name)
        if (auto ok = read_guest(from, p.guest); !ok) return ok.error();
    if (rest == shape::guest_at)
        if (auto ok = read_places(from, p.nodes); !ok) return ok.error();
    if (rest == shape::node || rest == shape::node_name) {
        const std::string nodes = from.take();
        if (nodes != "any") p.nodes = nodes_in(nodes);
        if (nodes.empty()) return from.wrong("a node like n1 is missing");
    }
    const bool has_name = rest != shape::guest_at && rest != shape::node && from.peek() != "in" &&
                          from.peek() != "before" && from.peek() != "after";
    if (has_name) p.names = split(from.take(), '|');
    if (p.names == words{"terminal"})
        p.names = {"done", "rolled_back", "aborted_safe", "failed_parked", "operator_moved", "disabled"};
    if (rest == shape::name_object) {
        // "reject maint n3 offline": what, whom, why
        const std::string whom = from.take();
        (whom.starts_with("n") ? p.nodes : p.names).push_back(whom);
        if (!whom.starts_with("n")) {
            p.names.pop_back();
            p.guest = whom;
        }
        if (!from.is_over() && from.peek() != "in") p.name_has = from.take();
    }
    return p;
}

result<void> read_end(line_reader& from) {
    if (!from.is_over()) return from.wrong(fmt::format("\"{}\" is too much", from.peek()));
    return {};
}

/// Pattern, window and, when there is one, a comparison.
result<expectation> read_happening(line_reader& from, const std::string& word, bool is_never) {
    expectation e;
    // "exits n1.main WHY", "exits all.main WHY"; "exits WHY" on whichever.
    constexpr std::string_view process = ".main";
    std::string node;
    if (word == "exits" && from.peek().ends_with(process)) node = from.take();
    node.resize(node.size() - std::min(node.size(), process.size()));
    auto p = read_pattern(from, word);
    if (!p) return p.error();
    e.what = std::move(*p);
    if (node == "all") e.how = expectation::form::everywhere;
    if (!node.empty() && node != "all") e.what.nodes = {node};
    if (auto ok = read_window(from, e.when); !ok) return ok.error();
    if (is_never) e.how = expectation::form::count;
    // "alert none": not one.
    if (e.what.kind == sight::alert && e.what.names == words{"none"}) {
        e.what.names.clear();
        e.how = expectation::form::count;
    }
    if (!from.is_over()) {
        e.how = expectation::form::count;
        if (auto ok = read_comparison(from, e); !ok) return ok.error();
    }
    if (auto ok = read_end(from); !ok) return ok.error();
    return e;
}

result<expectation> read_count(line_reader& from, expectation e) {
    e.how = e.how == expectation::form::happens ? expectation::form::count : e.how;
    if (auto ok = read_window(from, e.when); !ok) return ok.error();
    if (auto ok = read_comparison(from, e); !ok) return ok.error();
    if (auto ok = read_end(from); !ok) return ok.error();
    return e;
}

/// "loop-stall n1 <= 100ms", "api-rate <= 20/s per endpoint"
result<expectation> read_limit(line_reader& from, expectation e, std::string_view unit) {
    e.how = expectation::form::peak;
    e.comparison = compare::at_most;
    const bool is_limit = from.take_if("<=");
    const std::string most = from.take();
    const bool has_unit = most.ends_with(unit);
    const auto number =
        has_unit ? number_in(std::string_view(most).substr(0, most.size() - unit.size())) : std::nullopt;
    if (!is_limit || !number) return from.wrong(fmt::format("{} <= NUMBER{}", e.what.names.front(), unit));
    e.number = static_cast<int>(*number);
    if (from.take_if("per")) (void)from.take();
    if (auto ok = read_end(from); !ok) return ok.error();
    return e;
}

/// "claims ct101 == 1", "starts ct102 @ n2 == 2"
result<expectation> read_effects(line_reader& from, sight kind) {
    expectation e;
    e.what.kind = kind;
    if (auto ok = read_guest(from, e.what.guest); !ok) return ok.error();
    if (auto ok = read_places(from, e.what.nodes); !ok) return ok.error();
    return read_count(from, std::move(e));
}

result<expectation> read_final(line_reader& from) {
    expectation e;
    e.how = expectation::form::final_state;
    if (auto ok = read_guest(from, e.guest); !ok) return ok.error();
    if (auto ok = read_places(from, e.nodes); !ok) return ok.error();
    if (e.nodes == words{"-"}) e.nodes.clear();
    const std::string how = from.take();
    if (how != "running" && how != "stopped") return from.wrong("final needs running or stopped");
    e.is_running = how == "running";
    if (!from.is_over() && from.peek() != "gen") e.state = from.take();
    if (from.take_if("gen")) {
        const auto generation = number_in(from.take());
        if (!generation) return from.wrong("gen needs a number");
        e.generation = static_cast<int>(*generation);
    }
    if (auto ok = read_end(from); !ok) return ok.error();
    return e;
}

/// What has only a word of its own.
result<expectation> read_special(line_reader& from, const std::string& word) {
    expectation e;
    if (word == "double-run" || word == "epoch-writes-below-current") {
        e.what.kind = sight::broken;
        e.what.names = {word == "double-run" ? "I1" : "I11"};
        return read_count(from, std::move(e));
    }
    if (word == "failovers" || word == "failovers-committed" || word == "failovers-before") {
        e.how = expectation::form::failovers;
        e.what.kind = word == "failovers-committed" ? sight::park : sight::claim;
        if (word == "failovers-before") {
            const auto when = number_in(from.take());
            if (!when) return from.wrong("failovers-before needs seconds");
            e.when.to = *when;
        }
        return read_count(from, std::move(e));
    }
    if (word == "leader-stepdown") {
        e.what.kind = sight::leader;
        e.what.nodes = {"none"};
        e.what.name_has = "was " + from.take();
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "counter") {
        e.how = expectation::form::peak;
        e.what.names = {word + " " + from.take()};
        return read_count(from, std::move(e));
    }
    if (word == "loop-stall") {
        e.what.names = {word + " " + from.take()};
        return read_limit(from, std::move(e), "ms");
    }
    if (word == "owner-of") {
        // Whoever else owns it: nothing of ours touches it.
        e.what.kind = sight::write;
        e.how = expectation::form::count;
        e.what.guest = from.take();
        if (!from.take_if("ha-manager")) return from.wrong("owner-of G ha-manager");
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "terminal") {
        e.how = expectation::form::at_rest;
        const std::string whom = from.take();
        if (whom != "any" || !from.take_if("by") || !number_in(from.peek()))
            return from.wrong("terminal any by SECONDS");
        e.when.to = *number_in(from.take());
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "api-rate") {
        e.what.names = {word};
        return read_limit(from, std::move(e), "/s");
    }
    if (word == "leader-changes") {
        e.what.kind = sight::leader;
        e.when.from = 0.001;  // whoever leads at zero is no change
        return read_count(from, std::move(e));
    }
    if (word == "actions-by" || word == "api-calls-on") {
        e.what.kind = sight::write;
        (word == "actions-by" ? e.what.nodes.emplace_back() : e.what.guest) = from.take();
        return read_count(from, std::move(e));
    }
    if (word == "api-calls-with") {
        e.what.kind = sight::write;
        e.what.name_has = from.take();
        return read_count(from, std::move(e));
    }
    if (word == "untouched") {
        e.what.kind = sight::write;
        e.how = expectation::form::count;
        if (auto ok = read_guest(from, e.what.guest); !ok) return ok.error();
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "retained" || word == "cleaned") {
        e.how = word == "retained" ? expectation::form::retained : expectation::form::cleaned;
        if (auto ok = read_guest(from, e.guest); !ok) return ok.error();
        if (auto ok = read_places(from, e.nodes); !ok) return ok.error();
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "backup-used") {
        e.how = expectation::form::always;
        e.what.kind = sight::archive;
        if (auto ok = read_guest(from, e.what.guest); !ok) return ok.error();
        e.what.names = {from.take()};
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "same-node" || word == "placed-together") {
        e.how = expectation::form::same_node;
        e.guest = from.take();
        e.other = from.take();
        if (auto ok = read_window(from, e.when); !ok) return ok.error();
        e.number = 1;
        if (from.take_if("==")) e.number = from.take() == "true" ? 1 : 0;
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    if (word == "concurrency" || word == "leaders-acting" || word == "writes-to-cfs" || word == "overlap") {
        e.how = expectation::form::peak;
        const bool has_object = word == "concurrency" || word == "overlap";
        e.what.names = {has_object ? word + " " + from.take() : word};
        from.take_if("per-minute");
        return read_count(from, std::move(e));
    }
    if (word == "order") {
        e.how = expectation::form::by_priority;
        if (!from.take_if("by") || !from.take_if("priority")) return from.wrong("order by priority");
        if (auto ok = read_end(from); !ok) return ok.error();
        return e;
    }
    return from.wrong(fmt::format("\"{}\" cannot be judged by this version", word));
}

/// "kill-or-reset vm103 @ n3 within 5 of 380"
result<expectation> read_kill_or_reset(line_reader& from) {
    expectation kill;
    kill.what.kind = sight::kill;
    if (auto ok = read_guest(from, kill.what.guest); !ok) return ok.error();
    if (auto ok = read_places(from, kill.what.nodes); !ok) return ok.error();
    const bool has_within = from.take_if("within");
    const auto length = number_in(from.take());
    const bool has_of = from.take_if("of");
    const auto begin = number_in(from.take());
    if (!has_within || !length || !has_of || !begin) return from.wrong("within SECONDS of SECONDS is missing");
    if (auto ok = read_end(from); !ok) return ok.error();
    kill.when.from = *begin;
    kill.when.to = *begin + *length;
    expectation reset = kill;
    reset.what.kind = sight::reset;
    reset.what.guest.clear();
    expectation either;
    either.how = expectation::form::either;
    either.choices = {std::move(kill), std::move(reset)};
    return either;
}

result<expectation> read_either(std::string_view text) {
    expectation e;
    e.how = expectation::form::either;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(" | ", begin), text.size());
        auto choice = parse_expectation(text.substr(begin, end - begin));
        if (!choice) return choice.error();
        e.choices.push_back(std::move(*choice));
        begin = end + 3;
    }
    return e;
}

}  // namespace

result<expectation> parse_expectation(std::string_view line) {
    constexpr std::string_view one_of = "oneof ";
    if (line.starts_with(one_of)) return read_either(line.substr(one_of.size()));
    line_reader from(line);
    const std::string word = from.take();
    if (word == "never") {
        const std::string what = from.take();
        return read_happening(from, what, true);
    }
    if (sight_words().count(word) != 0) return read_happening(from, word, false);
    if (word == "claims") return read_effects(from, sight::claim);
    if (word == "restores") return read_effects(from, sight::restore);
    if (word == "backups-taken") return read_effects(from, sight::backup);
    if (word == "starts") return read_effects(from, sight::start);
    if (word == "parks") return read_effects(from, sight::park);
    if (word == "hook-runs") {
        const std::string point = from.take();
        auto runs = read_effects(from, sight::hook);
        if (runs) runs->what.names = {point};
        return runs;
    }
    if (word == "final") return read_final(from);
    if (word == "kill-or-reset") return read_kill_or_reset(from);
    return read_special(from, word);
}

}  // namespace steward::sim::scenario
