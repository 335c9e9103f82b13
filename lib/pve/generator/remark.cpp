#include "pve/generator/remark.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

using schema::value;

std::string bounds_remark(const value& v) {
    if (v.minimum && v.maximum) return fmt::format("{:.15g} to {:.15g}", *v.minimum, *v.maximum);
    if (v.minimum) return fmt::format("at least {:.15g}", *v.minimum);
    if (v.maximum) return fmt::format("at most {:.15g}", *v.maximum);
    if (v.min_length && v.max_length) return fmt::format("{} to {} characters", *v.min_length, *v.max_length);
    if (v.max_length) return fmt::format("at most {} characters", *v.max_length);
    if (v.min_length) return fmt::format("at least {} characters", *v.min_length);
    return {};
}

void add(std::string& to, const std::string& part) {
    if (part.empty()) return;
    if (!to.empty()) to += "; ";
    to += part;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
    return out;
}

/// A remark is one comment line, whatever the facts hold.
std::string on_one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == '\\'; }, ' ');
    return text;
}

}  // namespace

std::string remark_for(const std::vector<const value*>& alternatives) {
    const value& v = *alternatives.back();
    std::string remark;
    if (!v.unit.empty() && v.unit.size() <= 40) add(remark, v.unit);
    if (!v.renderer.empty()) add(remark, v.renderer);
    if (!v.format.empty()) add(remark, v.format);
    if (v.is_indexed && v.index_count != 0) add(remark, fmt::format("{}0 to {}{}", v.name, v.name, v.index_count - 1));
    add(remark, bounds_remark(v));
    if (v.default_text && v.default_text->size() <= 40) add(remark, "default " + *v.default_text);
    if (!v.required_with.empty()) add(remark, "only with " + joined(v.required_with));
    if (!v.only_for.empty()) add(remark, fmt::format("{}: {}", v.type_property, joined(v.only_for)));
    schema::versions whole = v.when;
    for (const value* other : alternatives) {
        if (!other->when.since.is_known()) whole.since = {};
        if (!other->when.until.is_known()) whole.until = {};
    }
    add(remark, to_string(whole));
    return on_one_line(std::move(remark));
}

}  // namespace steward::pve::generator
