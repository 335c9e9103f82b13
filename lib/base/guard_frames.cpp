#include "base/guard_frames.hpp"

#include <charconv>
#include <fmt/core.h>
#include <functional>

namespace steward::guard {
namespace {

constexpr std::array<std::string_view, 4> verb_names{"park", "unpark", "relocate", "check"};

std::string one_line(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c == '\n' || c == '\r') c = ' ';
    return out;
}

fault malformed(std::string_view why) { return fault(errc::garbage, "guard frame", std::string(why)); }

/// Calls `take(key, value)` for each line; false from it, or a line without '=', is malformed.
result<void> for_each_line(std::string_view body, const std::function<bool(std::string_view, std::string_view)>& take) {
    while (!body.empty()) {
        const auto end = body.find('\n');
        if (end == std::string_view::npos) return malformed("a line does not end");
        const std::string_view line = body.substr(0, end);
        body.remove_prefix(end + 1);
        const auto equal = line.find('=');
        if (equal == std::string_view::npos) return malformed("a line has no '='");
        if (!take(line.substr(0, equal), line.substr(equal + 1))) return malformed("unknown or bad key");
    }
    return {};
}

bool is_digest(std::string_view text) {
    if (text.size() != 40) return false;
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <class Number>
bool read(std::string_view text, Number& into) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into);
    return ec == std::errc{} && end == text.data() + text.size();
}

bool read_node(std::string_view text, node_name& into) {
    const auto parsed = parse_node_name(text);
    if (parsed) into = *parsed;
    return parsed.has_value();
}

}  // namespace

std::string encode(const request& r) {
    if (r.what == verb::check) return "verb=check\n";
    std::string out =
        fmt::format("verb={}\nguest={}\nsource={}\ngeneration={}\n", verb_names[static_cast<std::size_t>(r.what)],
                    to_string(r.guest), r.source.str(), r.generation);
    if (!r.target.empty()) out += fmt::format("target={}\n", r.target.str());
    if (!r.digest.empty()) out += fmt::format("digest={}\n", r.digest);
    if (r.is_source_gone) out += "gone=1\n";
    return out;
}

std::string encode(const reply& r) {
    if (r.ok) return fmt::format("ok=1\npath={}\n", one_line(r.path));
    // A long sentence must not make the frame unsendable.
    return fmt::format("ok=0\ncode={}\ndetail={}\n", static_cast<int>(r.code), one_line(r.detail).substr(0, 3000));
}

result<request> decode_request(std::string_view body) {
    request r;
    bool verb_seen = false;
    bool guest_seen = false;
    const auto parsed = for_each_line(body, [&](std::string_view key, std::string_view value) {
        if (key == "verb") {
            for (std::size_t i = 0; i < verb_names.size(); ++i)
                if (verb_names[i] == value) {
                    r.what = static_cast<verb>(i);
                    return verb_seen = true;
                }
            return false;
        }
        if (key == "guest") {
            const auto guest = parse_guest_id(value);
            if (guest) r.guest = *guest;
            return guest_seen = guest.has_value();
        }
        if (key == "source") return read_node(value, r.source);
        if (key == "target") return read_node(value, r.target);
        if (key == "generation") return read(value, r.generation);
        if (key == "gone") {
            r.is_source_gone = value == "1";
            return r.is_source_gone;
        }
        if (key == "digest") {
            r.digest = value;
            return is_digest(value);
        }
        return false;
    });
    if (!parsed) return parsed.error();
    if (verb_seen && r.what == verb::check) return r;
    if (!verb_seen || !guest_seen || r.source.empty()) return malformed("verb, guest and source are required");
    if (r.what != verb::unpark && r.digest.empty()) return malformed("digest is required");
    if (r.what == verb::relocate && r.target.empty()) return malformed("target is required");
    return r;
}

result<reply> decode_reply(std::string_view body) {
    reply r;
    const auto parsed = for_each_line(body, [&](std::string_view key, std::string_view value) {
        if (key == "ok") {
            r.ok = value == "1";
            return value == "0" || value == "1";
        }
        if (key == "code") {
            int code = 0;
            if (!read(value, code) || code < 0 || code > static_cast<int>(errc::io)) return false;
            r.code = static_cast<errc>(code);
            return true;
        }
        if (key == "detail") return r.detail = value, true;
        if (key == "path") return r.path = value, true;
        return false;
    });
    if (!parsed) return parsed.error();
    return r;
}

std::array<char, 4> frame_header(std::size_t body_size) {
    std::array<char, 4> header{};
    for (std::size_t i = 0; i < 4; ++i) header[i] = static_cast<char>((body_size >> (8 * i)) & 0xffU);
    return header;
}

std::size_t frame_size(const std::array<char, 4>& header) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size |= static_cast<std::size_t>(static_cast<unsigned char>(header[i])) << (8 * i);
    return size >= 1 && size <= max_frame ? size : 0;
}

std::string parked_path(vmid id, const node_name& source, std::uint32_t generation) {
    return fmt::format("priv/steward/parked/{}.{}.g{}.conf", id.number(), source.str(), generation);
}

}  // namespace steward::guard
