#include "pve/schema/check.hpp"
#include "pve/schema/named_formats.hpp"
#include "pve/schema/property_string.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using namespace steward::pve::schema;

void expect(bool holds) {
    if (!holds) __builtin_trap();
}

/// What was understood is printed so that it is understood again. A default value that is bare but cannot stay so
/// ("a=b" is a key and its value) is printed with its key.
void try_format(const value& facts, std::string_view text) {
    static_cast<void>(check_value(facts, version(9, 1), facts.name, text));
    const auto pairs = split_property_string(facts, {}, text);
    if (!pairs) return;
    const std::string printed = join_property_string(facts, *pairs);
    auto again = split_property_string(facts, {}, printed);
    expect(again.has_value());
    auto sorted = *pairs;
    std::sort(sorted.begin(), sorted.end());
    std::sort(again->begin(), again->end());
    expect(sorted == *again);
    expect(join_property_string(facts, *again) == printed);
}

value property_string_named(const std::string& format) {
    value facts;
    facts.name = "x";
    facts.type = value_type::string;
    facts.format = format;
    return facts;
}

/// Like the network device of a VM: a key that is itself a value.
value with_key_alias() {
    value facts = property_string_named("");
    facts.has_members = true;
    for (const char* const name : {"model", "macaddr", "bridge", "virtio", "e1000"}) {
        value key;
        key.name = name;
        key.type = value_type::string;
        facts.members.push_back(key);
    }
    facts.members.front().is_default_key = true;
    for (value& key : facts.members) {
        if (key.name != "virtio" && key.name != "e1000") continue;
        key.type = value_type::any;
        key.alias = "macaddr";
        key.key_alias = "model";
    }
    return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const value network = with_key_alias();
    try_format(network, text);
    for (const std::string& format : named_format_names()) try_format(property_string_named(format), text);
    return 0;
}
