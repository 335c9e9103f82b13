#include "config/section.hpp"

#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::config {
namespace {

const char* describe(node_kind kind) {
    switch (kind) {
        case node_kind::nothing: return "nothing";
        case node_kind::scalar: return "a single value";
        case node_kind::sequence: return "a list";
        case node_kind::map: return "a section of keys";
        case node_kind::refused: break;
    }
    return "something else";
}

void complain_about_kind(const node& n, const std::string& path, std::string_view wanted, complaints& to) {
    if (n.kind == node_kind::refused) return;
    if (n.kind == node_kind::nothing)
        to.add(n.at, path, fmt::format("has no value (wanted {})", wanted));
    else
        to.add(n.at, path, fmt::format("is {}, wanted {}", describe(n.kind), wanted));
}

/// Does that when its block is left, whichever way.
template <class Action>
class on_leaving {
  public:
    explicit on_leaving(Action action) : action_(std::move(action)) {}
    ~on_leaving() { action_(); }
    on_leaving(const on_leaving&) = delete;
    on_leaving& operator=(const on_leaving&) = delete;

  private:
    Action action_;
};

key_record a_record(key_kind kind, std::string value) {
    key_record r;
    r.kind = kind;
    if (!value.empty()) r.values.push_back(std::move(value));
    return r;
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

}  // namespace

void complaints::add(place at, const std::string& path, std::string_view text) {
    all_.emplace_back(at, path.empty() ? std::string(text) : fmt::format("{}: {}", path, text));
}

std::string complaints::place_of(place at) const {
    const auto file = static_cast<std::size_t>(at.file);
    return fmt::format("{}:{}", file < files.size() ? files[file] : "another file", at.line);
}

section::section(const node* n, std::string path, complaints& to) : path_(std::move(path)), to_(to) {
    if (n == nullptr) return;
    at_ = n->at;
    if (n->kind == node_kind::map)
        map_ = n;
    else
        complain_about_kind(*n, path_.empty() ? "the file" : path_, "a section of keys", to_);
}

std::string section::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const node* section::find(std::string_view key) {
    known_.push_back(key);
    if (map_ == nullptr) return nullptr;
    for (std::size_t i = 0; i < map_->keys.size(); ++i)
        if (map_->keys[i].text == key) return &map_->values[i];
    return nullptr;
}

const node* section::take(std::string_view key) {
    const node* const n = find(key);
    if (to_.records == nullptr) return n;
    key_record none;
    none.path = path_of(key);
    if (n == nullptr)
        to_.records->push_back(std::move(none));
    else
        record_by_hand(none.path, *n);
    return n;
}

void section::record(std::string_view key, key_record what) const {
    what.path = path_of(key);
    for (std::size_t i = 0; map_ != nullptr && i < map_->keys.size(); ++i)
        if (map_->keys[i].text == key) what.is_given = true;
    to_.records->push_back(std::move(what));
}

void section::record_by_hand(const std::string& path, const node& n) const {
    key_record r;
    r.path = path;
    r.is_given = true;
    r.shape = n.kind;
    if (n.kind == node_kind::scalar) r.values.push_back(n.text);
    for (const node& item : n.values)
        if (n.kind == node_kind::sequence && item.kind == node_kind::scalar) r.values.push_back(item.text);
    to_.records->push_back(std::move(r));
    for (std::size_t i = 0; n.kind == node_kind::map && i < n.keys.size(); ++i)
        if (n.values[i].kind == node_kind::scalar) record_by_hand(path + "." + n.keys[i].text, n.values[i]);
}

const std::string* section::scalar(const node& n, const std::string& path, complaints& to) {
    if (n.kind != node_kind::scalar) {
        complain_about_kind(n, path, "a single value", to);
        return nullptr;
    }
    if (n.text.empty()) {
        to.add(n.at, path, "is empty");
        return nullptr;
    }
    return &n.text;
}

const node* section::text(std::string_view key, std::string& into) {
    const on_leaving note([&] {
        if (to_.records != nullptr) record(key, a_record(key_kind::text, into));
    });
    const node* const n = find(key);
    const std::string* const value = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!value) return nullptr;
    into = *value;
    return n;
}

const node* section::absolute_path(std::string_view key, std::string& into) {
    const on_leaving note([&] {
        if (to_.records != nullptr) record(key, a_record(key_kind::path, into));
    });
    const node* const n = find(key);
    const std::string* const given = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!given) return nullptr;
    const std::string& value = *given;
    if (!value.starts_with('/')) {
        complain(n->at, key, fmt::format("\"{}\" is not an absolute path (it starts with /)", value));
        return nullptr;
    }
    into = value;
    return n;
}

const node* section::boolean(std::string_view key, bool& into) {
    const on_leaving note([&] {
        if (to_.records != nullptr) record(key, a_record(key_kind::boolean, into ? "true" : "false"));
    });
    const node* const n = find(key);
    const std::string* const value = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!value) return nullptr;
    // YAML 1.1 takes yes, on and y as well; what looks like a word shall not switch off certificate checks.
    if (n->quoted || (*value != "true" && *value != "false")) {
        complain(n->at, key, fmt::format("\"{}\" is neither true nor false", *value));
        return nullptr;
    }
    into = *value == "true";
    return n;
}

const node* section::number(std::string_view key, int& into, range<int> allowed) {
    const on_leaving note([&] {
        if (to_.records == nullptr) return;
        key_record r = a_record(key_kind::number, std::to_string(into));
        r.least = std::to_string(allowed.least);
        r.most = std::to_string(allowed.most);
        record(key, std::move(r));
    });
    const node* const n = find(key);
    const std::string* const value = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!value) return nullptr;
    const auto parsed = n->quoted ? std::nullopt : parse_whole_number(*value);
    if (!parsed) {
        complain(n->at, key, fmt::format("\"{}\" is not a whole number", *value));
        return nullptr;
    }
    if (*parsed < allowed.least || *parsed > allowed.most) {
        complain(n->at, key, fmt::format("{} is out of range ({} to {})", *parsed, allowed.least, allowed.most));
        return nullptr;
    }
    into = *parsed;
    return n;
}

const node* section::time(std::string_view key, duration& into, range<duration> allowed) {
    const on_leaving note([&] {
        if (to_.records == nullptr) return;
        key_record r = a_record(key_kind::time, format_duration(into));
        r.least = format_duration(allowed.least);
        r.most = format_duration(allowed.most);
        record(key, std::move(r));
    });
    const node* const n = find(key);
    const std::string* const value = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!value) return nullptr;
    const auto parsed = parse_duration(*value);
    if (!parsed) {
        complain(n->at, key, parsed.error().detail);
        return nullptr;
    }
    if (*parsed < allowed.least || *parsed > allowed.most) {
        complain(n->at, key,
                 fmt::format("{} is out of range ({} to {})", *value, format_duration(allowed.least),
                             format_duration(allowed.most)));
        return nullptr;
    }
    into = *parsed;
    return n;
}

const node* section::choice(std::string_view key, std::size_t& into, const std::vector<std::string_view>& words) {
    const on_leaving note([&] {
        if (to_.records == nullptr) return;
        key_record r = a_record(key_kind::choice, into < words.size() ? std::string(words[into]) : "");
        r.choices.assign(words.begin(), words.end());
        record(key, std::move(r));
    });
    const node* const n = find(key);
    const std::string* const value = n ? scalar(*n, path_of(key), to_) : nullptr;
    if (!value) return nullptr;
    const auto found = std::find(words.begin(), words.end(), *value);
    if (found == words.end()) {
        complain(n->at, key, fmt::format("\"{}\" is unknown (try {})", *value, joined(words)));
        return nullptr;
    }
    into = static_cast<std::size_t>(found - words.begin());
    return n;
}

const node* section::texts(std::string_view key, const std::function<result<void>(const std::string&)>& read) {
    key_record found = a_record(key_kind::texts, "");
    const on_leaving note([&] {
        if (to_.records != nullptr) record(key, std::move(found));
    });
    const node* const n = find(key);
    if (!n) return nullptr;
    const auto read_one = [&](const node& item, const std::string& path) {
        const std::string* const value = scalar(item, path, to_);
        if (!value) return;
        if (to_.records != nullptr) found.values.push_back(*value);
        const auto done = read(*value);
        if (!done) to_.add(item.at, path, done.error().detail);
    };
    if (n->kind == node_kind::sequence)
        for (std::size_t i = 0; i < n->values.size(); ++i)
            read_one(n->values[i], fmt::format("{}[{}]", path_of(key), i));
    else
        read_one(*n, path_of(key));
    return n;
}

void section::finish() {
    if (map_ == nullptr) return;
    for (const node& key : map_->keys) {
        if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
        const std::string meant = nearest(key.text, known_);
        const std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
        to_.add(key.at, path_, fmt::format("unknown key \"{}\"{}", key.text.substr(0, 80), hint));
    }
}

}  // namespace steward::config
