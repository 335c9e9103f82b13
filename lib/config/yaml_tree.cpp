#include "config/yaml_tree.hpp"

#include <exception>
#include <fmt/core.h>
#include <map>
#include <optional>
#include <sstream>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace steward::config {
namespace {

constexpr std::size_t largest_text = 1024 * 1024;
constexpr std::size_t deepest_nesting = 16;
constexpr std::size_t most_open_brackets = 1'000;

place to_place(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    return {mark.line + 1, mark.column + 1};
}

/// Leaves yaml-cpp from inside one of its callbacks.
class stop_reading : public std::exception {
  public:
    explicit stop_reading(complaint w) : why(std::move(w)) {}
    complaint why;
};

/// Builds the tree from yaml-cpp's events: unlike its own nodes they show duplicate keys, aliases and tags.
class builder final : public YAML::EventHandler {
  public:
    explicit builder(yaml_tree& into) : tree_(into) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        place_leaf(mark, anchor, node_kind::nothing);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        complain(to_place(mark), "aliases (*name) are not supported, write the value out");
        place_leaf(mark, YAML::anchor_t{}, node_kind::refused);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        node leaf;
        leaf.kind = node_kind::scalar;
        leaf.at = to_place(mark);
        leaf.text = value;
        leaf.quoted = tag == "!";  // yaml-cpp's mark for "not plain"
        check(mark, tag, anchor);
        add(std::move(leaf));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, node_kind::sequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, node_kind::map);
    }
    void OnMapEnd() override { close(); }

  private:
    struct frame {
        node value;
        std::optional<node> key;                       // of the value that comes next
        bool drop = false;                             // that value belongs to a duplicate or unusable key
        std::map<std::string, int, std::less<>> seen;  // key → line
    };

    void complain(place at, std::string text) { tree_.complaints.emplace_back(at, std::move(text)); }

    void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != YAML::anchor_t{})
            complain(to_place(mark), "anchors (&name) are not supported, write the value out");
        if (!tag.empty() && tag != "?" && tag != "!") complain(to_place(mark), "tags (!name) are not supported");
    }

    void place_leaf(const YAML::Mark& mark, YAML::anchor_t anchor, node_kind kind) {
        node leaf;
        leaf.kind = kind;
        leaf.at = to_place(mark);
        check(mark, "", anchor);
        add(std::move(leaf));
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, node_kind kind) {
        if (open_.size() >= deepest_nesting)
            throw stop_reading(complaint(to_place(mark), fmt::format("nested deeper than {} levels", deepest_nesting)));
        check(mark, tag, anchor);
        frame f;
        f.value.kind = kind;
        f.value.at = to_place(mark);
        open_.push_back(std::move(f));
    }

    void close() {
        node done = std::move(open_.back().value);
        open_.pop_back();
        add(std::move(done));
    }

    void add(node n) {
        if (open_.empty()) {
            tree_.root = std::move(n);
            return;
        }
        frame& top = open_.back();
        if (top.value.kind == node_kind::sequence) {
            top.value.values.push_back(std::move(n));
        } else if (!top.key) {
            take_key(top, std::move(n));
        } else {
            // yaml-cpp places a missing value where the next token is.
            if (n.kind == node_kind::nothing) n.at = top.key->at;
            if (!top.drop) {
                top.value.keys.push_back(std::move(*top.key));
                top.value.values.push_back(std::move(n));
            }
            top.key.reset();
        }
    }

    void take_key(frame& top, node key) {
        top.drop = false;
        if (key.kind != node_kind::scalar) {
            top.drop = true;
            if (key.kind != node_kind::refused) complain(key.at, "a key must be a plain word");
        } else if (const auto [first, is_new] = top.seen.try_emplace(key.text, key.at.line); !is_new) {
            top.drop = true;
            complain(key.at, fmt::format("duplicate key \"{}\" (first in line {})", key.text, first->second));
        }
        top.key = std::move(key);
    }

    yaml_tree& tree_;
    std::vector<frame> open_;
};

/// Length of the UTF-8 sequence at `text[at]`, 0 when it is none that YAML allows.
std::size_t character_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
    const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xc0U) != 0x80) return 0;
    return length;
}

/// What must not even reach yaml-cpp: other encodings, control characters (its end of input is a byte of its own),
/// and floods of open brackets, on which its scanner takes quadratic time. Closed ones cost it nothing: ten thousand
/// checks in one file are read in a tenth of a second.
std::optional<complaint> unreadable(std::string_view text) {
    if (text.size() > largest_text)
        return complaint({0, 0}, fmt::format("is larger than 1 MiB ({} bytes): this is no configuration", text.size()));
    place here(1, 1);
    std::size_t open = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character_length(text, at);
        if (length == 0)
            return complaint(here,
                             fmt::format("byte 0x{:02x} is not UTF-8 text", static_cast<unsigned char>(text[at])));
        if (text[at] == '[' || text[at] == '{') ++open;
        if ((text[at] == ']' || text[at] == '}') && open > 0) --open;
        if (open > most_open_brackets) return complaint(here, "too many open brackets: this is no configuration");
        here = text[at] == '\n' ? place(here.line + 1, 1) : place(here.line, here.column + 1);
        at += length;
    }
    return std::nullopt;
}

void parse_documents(std::string_view text, yaml_tree& tree) {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    builder first(tree);
    if (!parser.HandleNextDocument(first)) {
        tree.root = node();
        return;
    }
    yaml_tree rest;
    builder second(rest);
    if (parser.HandleNextDocument(second))
        tree.complaints.emplace_back(rest.root.at, "a second document (---) is not supported");
}

}  // namespace

yaml_tree read_yaml(std::string_view text) {
    yaml_tree tree;
    if (const auto why = unreadable(text)) {
        tree.complaints.push_back(*why);
        return tree;
    }
    std::optional<complaint> failure;
    try {
        parse_documents(text, tree);
        tree.readable = true;
        return tree;
    } catch (const stop_reading& e) {
        failure = e.why;
    } catch (const YAML::Exception& e) {
        failure = complaint(to_place(e.mark), "not YAML: " + e.msg);
    } catch (const std::exception& e) {
        failure = complaint({0, 0}, fmt::format("cannot be read: {}", e.what()));
    }
    tree.root = node();
    tree.complaints.assign(1, *failure);
    return tree;
}

}  // namespace steward::config
