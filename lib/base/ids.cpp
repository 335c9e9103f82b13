#include "base/ids.hpp"

#include <array>
#include <charconv>
#include <fmt/core.h>

namespace steward {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

fault not_a(std::string_view kind, std::string_view text, std::string_view hint) {
    return fault(errc::invalid, "", fmt::format("\"{}\" is not a {} ({})", text, kind, hint));
}

template <class Number>
bool read_number(std::string_view text, Number& into, int base = 10) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into, base);
    return ec == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

result<node_name> parse_node_name(std::string_view text) {
    bool good = !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-';
    for (char c : text) good = good && (is_letter(c) || is_digit(c) || c == '-');
    if (!good) return not_a("node name", text, "letters, digits and '-', at most 63");
    return node_name(std::string(text));
}

result<storage_id> parse_storage_id(std::string_view text) {
    bool good = text.size() >= 2 && text.size() <= 100 && is_letter(text.front());
    for (char c : text) good = good && (is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.');
    if (!good) return not_a("storage name", text, "a letter, then letters, digits, '-', '_' or '.'");
    return storage_id(std::string(text));
}

storage_id storage_of(const volid& volume) {
    const auto colon = volume.str().find(':');
    return storage_id(colon == std::string::npos ? std::string() : volume.str().substr(0, colon));
}

result<vmid> parse_vmid(std::string_view text) {
    std::uint32_t number = 0;
    if (!read_number(text, number) || number < 100 || number > 999'999'999)
        return not_a("vmid", text, "a number from 100 to 999999999");
    return vmid(number);
}

std::string to_string(vmid id) { return std::to_string(id.number()); }

const char* api_word(guest_type type) noexcept { return type == guest_type::ct ? "lxc" : "qemu"; }
const char* config_directory(guest_type type) noexcept { return type == guest_type::ct ? "lxc" : "qemu-server"; }

result<guest_id> parse_guest_id(std::string_view text) {
    struct prefix {
        std::string_view word;
        guest_type type;
    };
    constexpr std::array<prefix, 4> prefixes{
        {{"ct/", guest_type::ct}, {"vm/", guest_type::vm}, {"lxc/", guest_type::ct}, {"qemu/", guest_type::vm}}};
    for (const prefix& p : prefixes) {
        if (!text.starts_with(p.word)) continue;
        const auto id = parse_vmid(text.substr(p.word.size()));
        if (!id) return id.error();
        return guest_id(p.type, *id);
    }
    return not_a("guest", text, "try ct/101 or vm/200");
}

std::string to_string(guest_id guest) {
    return fmt::format("{}/{}", guest.type == guest_type::ct ? "ct" : "vm", guest.id.number());
}

result<upid> parse_upid(std::string_view text) {
    // UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>:
    const fault bad = not_a("UPID", text, "UPID:node:pid:pstart:starttime:type:id:user:");
    std::array<std::string_view, 9> part;
    std::string_view rest = text;
    for (std::size_t i = 0; i < 8; ++i) {
        const auto colon = rest.find(':');
        if (colon == std::string_view::npos) return bad;
        part[i] = rest.substr(0, colon);
        rest.remove_prefix(colon + 1);
    }
    upid u;
    std::uint32_t started = 0;
    if (!rest.empty() || part[0] != "UPID" || part[1].empty() || part[5].empty() || part[7].empty()) return bad;
    if (part[2].size() != 8 || !read_number(part[2], u.pid, 16)) return bad;
    if (part[3].size() < 8 || part[3].size() > 9 || !read_number(part[3], u.pstart, 16)) return bad;
    if (part[4].size() != 8 || !read_number(part[4], started, 16)) return bad;
    u.text = text;
    u.node = node_name(std::string(part[1]));
    u.started = wall_time(std::chrono::seconds(started));
    u.type = part[5];
    u.id = part[6];
    u.user = part[7];
    return u;
}

}  // namespace steward
