#include "pve/api/encode.hpp"

#include "pve/api/method_entry.hpp"
#include "pve/schema/property_string.hpp"

#include <fmt/core.h>

namespace steward::pve::api {

namespace {

std::string print(const field& f, const void* value) {
    switch (f.what) {
        case kind::text: return *static_cast<const std::string*>(value);
        case kind::integer: return std::to_string(*static_cast<const std::int64_t*>(value));
        case kind::number: return fmt::format("{}", *static_cast<const double*>(value));
        case kind::boolean: return *static_cast<const bool*>(value) ? "1" : "0";
        case kind::choice: return std::string(static_cast<const any_choice*>(value)->text(f.choices()));
        case kind::node: return static_cast<const node_name*>(value)->str();
        case kind::vmid: return to_string(*static_cast<const steward::vmid*>(value));
        case kind::storage: return static_cast<const storage_id*>(value)->str();
        case kind::volid: return static_cast<const steward::volid*>(value)->str();
        case kind::upid: return static_cast<const steward::upid*>(value)->text;
        case kind::structure: return print_property_string(f.structure(), value);
        case kind::json: break;
    }
    return static_cast<const raw_json*>(value)->text();
}

void encode_field(const field& f, const void* member, schema::parameters& into) {
    // An object of an answer is no parameter.
    if (f.what == kind::structure && !f.structure().keys) return;
    std::string joined;
    const std::size_t count = f.values->size(member);
    for (std::size_t i = 0; i < count; ++i) {
        unsigned index = 0;
        const std::string* key = nullptr;
        const void* value = f.values->at(member, i, index, key);
        std::string text = print(f, value);
        if (f.is_joined) {
            joined += (i == 0 ? "" : ",") + text;
        } else if (f.values->how == holding::indexed) {
            into.emplace_back(fmt::format("{}{}", f.wire, index), std::move(text));
        } else {
            into.emplace_back(key ? *key : std::string(f.wire), std::move(text));
        }
    }
    if (f.is_joined && count != 0) into.emplace_back(f.wire, std::move(joined));
}

}  // namespace

schema::parameters encode(const struct_table& table, const void* object) {
    schema::parameters given;
    for (std::uint32_t i = 0; i < table.count; ++i)
        encode_field(table.fields[i], static_cast<const char*>(object) + table.fields[i].offset, given);
    return given;
}

std::string print_property_string(const struct_table& table, const void* object) {
    return schema::join_property_string(table.keys->get(), encode(table, object));
}

}  // namespace steward::pve::api
