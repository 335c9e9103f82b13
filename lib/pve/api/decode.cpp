#include "pve/api/decode.hpp"

#include "pve/api/method_entry.hpp"
#include "pve/schema/check.hpp"
#include "pve/schema/property_string.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace steward::pve::api {
namespace json = boost::json;

namespace {

/// Fields of one struct by name, without a pass over all of them for each key of an answer.
class field_index {
  public:
    explicit field_index(const struct_table& table) : table_(table) {
        first_.fill(none);
        next_.assign(table.count, none);
        for (std::uint32_t i = table.count; i-- > 0;) {
            std::uint16_t& slot = first_[hash(table.fields[i].wire)];
            next_[i] = slot;
            slot = static_cast<std::uint16_t>(i);
        }
    }

    /// `index` is set for "net3" of the field net[n]. A plain name wins over an indexed one ("numa").
    [[nodiscard]] const field* find(std::string_view key, unsigned& index) const {
        if (const field* plain = among(key, false)) return plain;
        const std::size_t stem = key.find_last_not_of("0123456789") + 1;
        if (stem == 0 || stem == key.size()) return nullptr;
        const auto [end, ec] = std::from_chars(key.data() + stem, key.data() + key.size(), index);
        if (ec != std::errc()) return nullptr;
        return among(key.substr(0, stem), true);
    }

  private:
    static constexpr std::uint16_t none = 0xffff;
    static std::size_t hash(std::string_view key) {
        if (key.empty()) return 0;
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(key[at]); };
        return (key.size() * 7U + byte(0) * 31U + byte(key.size() - 1) * 5U + byte(key.size() / 2)) % 128U;
    }
    [[nodiscard]] const field* among(std::string_view key, bool indexed) const {
        for (std::uint16_t i = first_[hash(key)]; i != none; i = next_[i]) {
            const field& f = table_.fields[i];
            if (key == f.wire && (f.values->how == holding::indexed) == indexed) return &f;
        }
        return nullptr;
    }

    const struct_table& table_;
    std::array<std::uint16_t, 128> first_{};
    std::vector<std::uint16_t> next_;
};

/// JSON scalars as the text PVE might as well have sent; nothing for null, lists and objects.
bool as_text(const json::value& from, std::string& out) {
    switch (from.kind()) {
        case json::kind::string: out.assign(from.get_string().data(), from.get_string().size()); return true;
        case json::kind::int64: out = std::to_string(from.get_int64()); return true;
        case json::kind::uint64: out = std::to_string(from.get_uint64()); return true;
        case json::kind::double_: out = fmt::format("{}", from.get_double()); return true;
        case json::kind::bool_: out = from.get_bool() ? "1" : "0"; return true;
        default: return false;
    }
}

template <class T>
bool number_in(std::string_view text, T& out) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc() && end == text.data() + text.size();
}

bool read_integer(const json::value& from, std::int64_t& out) {
    if (from.is_int64()) return out = from.get_int64(), true;
    if (from.is_string()) return number_in(std::string_view(from.get_string()), out);
    if (from.is_bool()) return out = from.get_bool() ? 1 : 0, true;
    if (!from.is_double()) return false;
    // "1.0" and 1e3 are integers; what does not fit is not.
    const double number = from.get_double();
    if (number != std::trunc(number) || std::abs(number) > 9e15) return false;
    return out = static_cast<std::int64_t>(number), true;
}

bool read_number(const json::value& from, double& out) {
    if (from.is_double()) return out = from.get_double(), true;
    if (from.is_int64()) return out = static_cast<double>(from.get_int64()), true;
    if (from.is_uint64()) return out = static_cast<double>(from.get_uint64()), true;
    return from.is_string() && number_in(std::string_view(from.get_string()), out);
}

/// PVE omits false, or says 0, "0" or "" (pve-facts B.3); property strings also use words.
bool read_boolean(const json::value& from, bool& out) {
    std::string text;
    if (!as_text(from, text)) return false;
    if (text == "1" || text == "true" || text == "yes" || text == "on") return out = true, true;
    if (text.empty() || text == "0" || text == "false" || text == "no" || text == "off") return out = false, true;
    return false;
}

class decoder {
  public:
    /// One more element of the list `f`.
    bool read_element(const field& f, const json::value& from, void* member) {
        return read_one_more(f, from, member, 0, {});
    }
    /// False, with the member as it was before (or empty), when `from` is not of the kind that `f` holds.
    bool read_member(const field& f, const json::value& from, void* member, unsigned index = 0) {
        if (from.is_null() && f.values->how != holding::one) return true;
        switch (f.values->how) {
            case holding::list: return read_list(f, from, member);
            case holding::named: return read_named(f, from, member);
            default: return read_one_more(f, from, member, index, {});
        }
    }

  private:
    bool read_one_more(const field& f, const json::value& from, void* member, unsigned index, const std::string& key) {
        if (read_value(f, from, f.values->add(member, index, key))) return true;
        f.values->drop(member, index, key);
        return false;
    }

    bool read_list(const field& f, const json::value& from, void* member) {
        if (from.is_string() && f.is_joined) return read_joined(f, from.get_string(), member);
        // A single value stands for a list of one (sdk.md §2.3), but not at the top, where it is an answer to
        // another question.
        if (!from.is_array() && !f.wire.empty() && !from.is_object()) return read_one_more(f, from, member, 0, {});
        if (!from.is_array()) return false;
        f.values->expect(member, from.get_array().size());
        for (const json::value& element : from.get_array())
            if (!read_one_more(f, element, member, 0, {})) return emptied(f, member);
        return true;
    }

    bool read_joined(const field& f, std::string_view text, void* member) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find_first_of(std::string_view(",; \0", 4), at), text.size());
            const json::value element(text.substr(at, end - at));
            if (end > at && !read_one_more(f, element, member, 0, {})) return emptied(f, member);
            at = end + 1;
        }
        return true;
    }

    static bool emptied(const field& f, void* member) {
        while (f.values->size(member) != 0) f.values->drop(member, 0, {});
        return false;
    }

    bool read_named(const field& f, const json::value& from, void* member) {
        if (!from.is_object()) return false;
        for (const auto& [key, value] : from.get_object())
            if (!read_one_more(f, value, member, 0, std::string(key))) return false;
        return true;
    }

    bool read_value(const field& f, const json::value& from, void* into) {
        switch (f.what) {
            case kind::integer: return read_integer(from, *static_cast<std::int64_t*>(into));
            case kind::number: return read_number(from, *static_cast<double*>(into));
            case kind::boolean: return read_boolean(from, *static_cast<bool*>(into));
            case kind::json: *static_cast<raw_json*>(into) = raw_json(json::value(from)); return true;
            case kind::structure:
                if (from.is_object()) return read_struct(f.structure(), from.get_object(), into);
                if (std::string text; f.structure().keys && as_text(from, text))
                    return parse_property_string(f.structure(), text, into).has_value();
                return false;
            default: break;
        }
        std::string text;
        return as_text(from, text) && read_text(f, std::move(text), into);
    }

    static bool read_text(const field& f, std::string text, void* into) {
        switch (f.what) {
            case kind::text: *static_cast<std::string*>(into) = std::move(text); return true;
            case kind::choice: static_cast<any_choice*>(into)->read(f.choices(), text); return true;
            case kind::node: *static_cast<node_name*>(into) = node_name(std::move(text)); return true;
            case kind::storage: *static_cast<storage_id*>(into) = storage_id(std::move(text)); return true;
            case kind::volid: *static_cast<steward::volid*>(into) = steward::volid(std::move(text)); return true;
            case kind::vmid: {
                std::uint32_t number = 0;
                if (!number_in(text, number)) return false;
                *static_cast<steward::vmid*>(into) = steward::vmid(number);
                return true;
            }
            case kind::upid: {
                auto task = parse_upid(text);
                if (!task) return false;
                *static_cast<steward::upid*>(into) = std::move(*task);
                return true;
            }
            default: return false;
        }
    }

    bool read_struct(const struct_table& table, const json::object& from, void* into) {
        const field_index& fields = index_of(table);
        json::object extra;
        for (const auto& [key, value] : from) {
            unsigned index = 0;
            const field* f = fields.find(key, index);
            if (f && value.is_null()) continue;
            if (f && read_member(*f, value, static_cast<char*>(into) + f->offset, index)) continue;
            extra.emplace(key, value);
        }
        if (!extra.empty() && table.extra != 0)
            *reinterpret_cast<raw_json*>(static_cast<char*>(into) + table.extra) =
                raw_json(json::value(std::move(extra)));
        return true;
    }

    const field_index& index_of(const struct_table& table) {
        const auto found = indices_.find(&table);
        if (found != indices_.end()) return found->second;
        return indices_.emplace(&table, field_index(table)).first->second;
    }

    std::map<const struct_table*, field_index> indices_;
};

const char* expected(const field& whole) {
    if (whole.values->how == holding::list) return "a list of what the call returns was expected";
    if (whole.what == kind::structure) return "an object was expected";
    return "a value of another kind was expected";
}

}  // namespace

result<void> decode(const field& whole, const json::value& from, void* into) {
    decoder d;
    if (d.read_member(whole, from, into)) return {};
    return fault(errc::garbage, "decode", expected(whole));
}

struct list_reader::state {
    state(const field& w, const json::value& f, void* i) : whole(w), from(f), into(i) {}
    field whole;
    const json::value& from;
    void* into;
    std::size_t at = 0;
    decoder reader;
};

list_reader::list_reader(const field& whole, const json::value& from, void* into)
    : state_(std::make_unique<state>(whole, from, into)) {}

list_reader::~list_reader() = default;

result<bool> list_reader::read_some(std::size_t count) {
    state& s = *state_;
    if (s.from.is_null()) return false;
    const fault bad(errc::garbage, "decode", expected(s.whole));
    if (!s.from.is_array()) return bad;
    const json::array& elements = s.from.get_array();
    if (s.at == 0) s.whole.values->expect(s.into, elements.size());
    for (; count > 0 && s.at < elements.size(); --count, ++s.at)
        if (!s.reader.read_element(s.whole, elements[s.at], s.into)) return bad;
    return s.at < elements.size();
}

result<void> parse_property_string(const struct_table& table, std::string_view text, void* into, bool is_checked) {
    if (is_checked) {
        const auto violations = schema::check_value(table.keys->get(), {}, "property string", text);
        if (!violations.empty()) return fault(errc::invalid, "property string", violations.front().text);
    }
    const auto pairs = schema::split_property_string(table.keys->get(), {}, text);
    if (!pairs) return pairs.error();
    const field_index fields(table);
    decoder d;
    for (const auto& [key, value] : *pairs) {
        unsigned index = 0;
        const field* f = fields.find(key, index);
        if (!f || !d.read_member(*f, json::value(value), static_cast<char*>(into) + f->offset, index))
            return fault(errc::invalid, "property string", fmt::format("{}={} cannot be read", key, value));
    }
    return {};
}

}  // namespace steward::pve::api
