#include "base/ids.hpp"
#include "pve/schema/formats.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace steward;

void expect(bool holds) {
    if (!holds) __builtin_trap();
}

void try_upid(std::string_view text) {
    const auto read = parse_upid(text);
    if (!read) return;
    expect(read->text == text);
    expect(!read->node.empty() && !read->type.empty() && !read->user.empty());
    const auto again = parse_upid(read->text);
    expect(again && again->node == read->node && again->started == read->started && again->id == read->id);
}

void try_volid(std::string_view text) {
    const volid volume{std::string(text)};
    const storage_id storage = storage_of(volume);
    expect(volume.str().starts_with(storage.str()));
    // What PVE takes for a volume names a storage.
    if (pve::schema::format_problem("pve-volume-id", text).empty()) expect(!storage.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_upid(text);
    try_volid(text);
    if (const auto id = parse_vmid(text)) expect(id->number() >= 100 && id->number() <= 999999999);
    if (const auto guest = parse_guest_id(text)) expect(parse_guest_id(to_string(*guest)).has_value());
    for (const char* const format :
         {"pve-node", "CIDR", "IPorCIDRorAlias", "pve-fw-addr-spec", "pve-fw-dport-spec", "pve-tag-list",
          "pve-startup-order", "pve-storage-portal-dns", "storage-pair-list"})
        static_cast<void>(pve::schema::format_problem(format, text));
    return 0;
}
