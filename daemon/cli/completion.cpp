#include "completion.hpp"

#include "arguments.hpp"
#include "cluster_options.hpp"
#include "commands.hpp"
#include "config/load.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "pve/api/cluster.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/completion.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <iostream>
#include <set>
#include <string_view>

namespace steward::cli {
namespace asio = boost::asio;
namespace json = boost::json;
namespace shell = pve::shell;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

std::string_view to_view(const std::optional<node_name>& node) {
    return node ? std::string_view(node->str()) : std::string_view();
}

/// One look at the cluster, a second long at most; nothing when that does not work.
words names_on_cluster(const arguments& given, std::string_view kind, std::string_view node) {
    auto options = cluster_options(given);
    if (!options) return {};
    options->request_limit = 1s;
    pve::connection cluster(std::move(*options));
    words names;
    const auto ask = [&]() -> asio::awaitable<int> {
        const auto rows = co_await cluster.api().cluster().resources().get();
        if (!rows) co_return 1;
        for (const auto& row : *rows) {
            const std::string_view type = row.type ? row.type->text() : std::string_view();
            const bool is_guest = type == "lxc" || type == "qemu";
            if (!node.empty() && node != to_view(row.node)) continue;
            if (kind == "node" && type == "node" && row.node) names.push_back(row.node->str());
            if (kind == "storage" && type == "storage" && row.storage) names.push_back(row.storage->str());
            if (is_guest && (kind == type || kind == "guest") && row.vmid) names.push_back(to_string(*row.vmid));
        }
        co_return 0;
    };
    static_cast<void>(cluster.run(ask()));
    return names;
}

/// Suggestions as they are collected: each once, in order, and only what goes on from what is typed.
class suggestions {
  public:
    explicit suggestions(std::string typed, std::string before = "")
        : typed_(std::move(typed)), before_(std::move(before)) {}
    void offer(std::string_view word) {
        if (word.starts_with(typed_)) all_.insert(before_ + std::string(word));
    }
    void print() const {
        for (const std::string& word : all_) std::cout << word << '\n';
    }

  private:
    std::string typed_;
    std::string before_;  ///< "--to=", which the shell wants repeated
    std::set<std::string> all_;
};

/// What lives on the cluster: the daemon knows at once; else the configuration names guests, and PVE is asked.
class live_things {
  public:
    explicit live_things(const arguments& given) : given_(given) {
        const auto answer = ask_daemon(given.option("socket", default_socket), {{"do", "status"}}, daemon_limit);
        if (!answer) return;
        collect(*answer, "guests", "guest", guests);
        if (const auto* c = answer->if_contains("cluster"); c != nullptr && c->is_object())
            collect(c->get_object(), "nodes", "node", nodes);
    }
    words guests;
    words nodes;

    void find_guests() {
        const auto file = meant_config(given_);
        if (!guests.empty() || !file) return;
        for (const auto& g : config::load_file(*file).values.guests) guests.push_back(to_string(g.id));
    }
    void find_nodes() {
        if (nodes.empty()) nodes = names_on_cluster(given_, "node", "");
    }

  private:
    static constexpr std::chrono::milliseconds daemon_limit{300};
    static void collect(const json::object& from, std::string_view list, std::string_view key, words& into) {
        const auto* all = from.if_contains(list);
        if (all == nullptr || !all->is_array()) return;
        for (const json::value& one : all->get_array()) {
            const auto* name = one.is_object() ? one.get_object().if_contains(key) : nullptr;
            if (name != nullptr && name->is_string()) into.emplace_back(name->get_string());
        }
    }
    const arguments& given_;
};

void offer_things(word_kind kind, const arguments& given, suggestions& into) {
    live_things live(given);
    const bool wants_guests = kind == word_kind::guest || kind == word_kind::guests || kind == word_kind::object;
    const bool wants_nodes = kind == word_kind::node || kind == word_kind::guests || kind == word_kind::object;
    if (wants_guests) live.find_guests();
    if (wants_nodes) live.find_nodes();
    const std::string before_node = kind == word_kind::node ? "" : kind == word_kind::object ? "node/" : "@node-";
    if (wants_guests)
        for (const std::string& g : live.guests) into.offer(g);
    if (wants_nodes)
        for (const std::string& n : live.nodes) into.offer(before_node + n);
    if (kind == word_kind::guests) into.offer("@all");
    if (kind == word_kind::object) into.offer("cluster");
}

/// Files are the shell's own affair.
void offer(word_kind kind, std::string_view choices, const arguments& given, suggestions& into) {
    switch (kind) {
        case word_kind::choice:
            for (const std::string_view c : choices_of(choices)) into.offer(c);
            break;
        case word_kind::guest:
        case word_kind::guests:
        case word_kind::object:
        case word_kind::node: offer_things(kind, given, into); break;
        case word_kind::storage:
            for (const std::string& s : names_on_cluster(given, "storage", "")) into.offer(s);
            break;
        case word_kind::command:
            for (const command& c : all_commands()) into.offer(given.words.size() < 2 ? first_word(c) : second_word(c));
            break;
        case word_kind::free:
        case word_kind::file:
        case word_kind::api_word: break;
    }
}

void offer_option_value(const unfinished_arguments& line, std::string_view name, suggestions& into) {
    const option* o = line.before.what != nullptr ? find_option(*line.before.what, name) : find_any_option(name);
    if (o != nullptr) offer(o->kind, o->choices, line.before, into);
}

/// Those that are not given yet; before a command is complete, those that any has.
void offer_options(const arguments& given, suggestions& into) {
    into.offer("--help");
    const auto offer_of = [&](const command& c) {
        for (const option& o : c.options)
            if (o.is_repeated || !given.has(std::string(o.name))) into.offer("--" + std::string(o.name));
    };
    if (given.what != nullptr) return offer_of(*given.what);
    const std::string first = given.words.empty() ? "" : given.words[0];
    for (const command* c : group(first)) offer_of(*c);
}

void offer_word(const arguments& given, const std::string& partial, suggestions& into) {
    const words& before = given.words;
    if (before.empty()) {
        for (const command& c : all_commands()) into.offer(first_word(c));
        return;
    }
    if (before.size() == 1)
        for (const command* c : group(before[0])) into.offer(second_word(*c));
    const bool is_whole = given.what != nullptr && (second_word(*given.what).empty() || before.size() > 1);
    if (!is_whole) return;
    const std::size_t own = second_word(*given.what).empty() ? 1 : 2;
    const auto& takes = given.what->operands;
    if (takes.empty() || (before.size() - own >= takes.size() && !takes.back().is_repeated)) return;
    const operand& o = takes[std::min(before.size() - own, takes.size() - 1)];
    if (o.kind != word_kind::api_word)
        return offer(o.choices.empty() ? o.kind : word_kind::choice, o.choices, given, into);
    words call(before.begin() + 1, before.end());
    call.push_back(partial);
    const shell::live_names live = [&](std::string_view kind, std::string_view node) {
        return names_on_cluster(given, kind, node);
    };
    for (const std::string& word : shell::complete(call, pve::schema::catalogue_of_everything(), live))
        into.offer(word);
}

}  // namespace

int complete_main(const std::vector<std::string>& typed) {
    const unfinished_arguments line = read_unfinished(typed);
    const std::size_t equals = line.partial.find('=');
    if (!line.option.empty()) {
        suggestions values(line.partial);
        offer_option_value(line, line.option, values);
        values.print();
    } else if (line.partial.starts_with("--") && equals != std::string::npos) {
        suggestions values(line.partial.substr(equals + 1), line.partial.substr(0, equals + 1));
        offer_option_value(line, line.partial.substr(2, equals - 2), values);
        values.print();
    } else {
        suggestions all(line.partial);
        if (line.partial.starts_with('-'))
            offer_options(line.before, all);
        else
            offer_word(line.before, line.partial, all);
        all.print();
    }
    return 0;
}

}  // namespace steward::cli
