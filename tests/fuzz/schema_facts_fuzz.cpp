#include "pve/schema/facts_text.hpp"
#include "pve/schema/tool/dump_reader.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace steward::pve::schema;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto dump = read_dump(text);
    const auto facts = dump ? dump : parse_facts(text);
    if (!facts) return 0;
    const std::string printed = print_facts(*facts);
    // A dump of nonsense may hold names and verbs that facts have no words for; what was read as facts is printable.
    const auto again = parse_facts(printed);
    if (!dump && (!again || print_facts(*again) != printed)) __builtin_trap();
    return 0;
}
