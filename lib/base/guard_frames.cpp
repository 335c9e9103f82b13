#include "base/guard_frames.hpp"

#include "base/key_lines.hpp"

#include <fmt/core.h>
#include <functional>
#include <limits>

namespace steward::guard {
namespace {

constexpr std::array<const char*, 14> verb_names{"park", "unpark", "relocate", "check",  "say",   "list",    "read",
                                                 "save", "claim",  "lock",     "config", "leave", "discard", "unlock"};

std::string one_line(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c == '\n' || c == '\r') c = ' ';
    return out;
}

fault malformed(std::string_view why) { return fault(errc::garbage, "guard frame", std::string(why)); }

/// The lines, and the text behind them.
result<void> read_body(std::string_view body, const std::function<bool(std::string_view, std::string_view)>& take) {
    const std::size_t begin = body.starts_with("text=") ? 0 : body.find("\ntext=");
    const bool has_text = begin != std::string_view::npos;
    const std::size_t lines = !has_text ? body.size() : begin == 0 ? 0 : begin + 1;
    if (const auto wrong = for_each_line(body.substr(0, lines), take)) return malformed(*wrong);
    if (has_text && !take("text", body.substr(lines + 5))) return malformed("unknown or bad key");
    return {};
}

bool is_digest(std::string_view text) {
    if (text.size() != 40) return false;
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <class Number>
bool read(std::string_view text, Number& into) {
    const auto number = parse_number(text);
    if (!number || *number > std::numeric_limits<Number>::max()) return false;
    into = static_cast<Number>(*number);
    return true;
}

bool read_node(std::string_view text, node_name& into) {
    const auto parsed = parse_node_name(text);
    if (parsed) into = *parsed;
    return parsed.has_value();
}

/// Which fields a verb needs and carries.
bool is_about_guest(verb v) {
    return v == verb::park || v == verb::unpark || v == verb::relocate || v == verb::config || v == verb::discard ||
           v == verb::unlock;
}
bool is_about_name(verb v) {
    return v == verb::list || v == verb::read || v == verb::save || v == verb::claim || v == verb::lock ||
           v == verb::leave;
}

}  // namespace

const char* name_of(verb v) noexcept { return verb_names[static_cast<std::size_t>(v)]; }

bool is_change(verb v) noexcept {
    return v == verb::park || v == verb::unpark || v == verb::relocate || v == verb::save || v == verb::claim ||
           v == verb::discard || v == verb::unlock || v == verb::lock;
}

reply refusal(errc code, std::string why) {
    reply r;
    r.code = code;
    r.detail = std::move(why);
    return r;
}

std::string encode(const request& r) {
    std::string out = fmt::format("verb={}\n", name_of(r.what));
    if (r.epoch != 0) out += fmt::format("epoch={}\n", r.epoch);
    if (is_about_guest(r.what))
        out += fmt::format("guest={}\nsource={}\ngeneration={}\n", to_string(r.guest), r.source.str(), r.generation);
    if (!r.target.empty()) out += fmt::format("target={}\n", r.target.str());
    if (!r.digest.empty()) out += fmt::format("digest={}\n", r.digest);
    if (r.is_source_gone) out += "gone=1\n";
    if (is_about_name(r.what)) out += fmt::format("name={}\n", one_line(r.name));
    if (r.what == verb::say || r.what == verb::save) out += "text=" + r.text;
    return out;
}

std::string encode(const reply& r) {
    if (r.ok) return fmt::format("ok=1\npath={}\nyes={}\ntext={}", one_line(r.path), r.yes ? 1 : 0, r.text);
    // A long sentence must not make the frame unsendable.
    return fmt::format("ok=0\ncode={}\ndetail={}\n", static_cast<int>(r.code), one_line(r.detail).substr(0, 3000));
}

result<request> decode_request(std::string_view body) {
    request r;
    bool verb_seen = false;
    bool guest_seen = false;
    const auto parsed = read_body(body, [&](std::string_view key, std::string_view value) {
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
        if (key == "epoch") return read(value, r.epoch);
        if (key == "name") return r.name = value, !value.empty();
        if (key == "text") return r.text = value, true;
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
    if (!verb_seen) return malformed("a verb is required");
    if (is_about_name(r.what) && r.name.empty()) return malformed("a name is required");
    if (!is_about_guest(r.what)) return r;
    if (!guest_seen || r.source.empty()) return malformed("guest and source are required");
    const bool needs_target = r.what == verb::relocate || r.what == verb::unlock;
    if ((r.what == verb::park || needs_target) && r.digest.empty()) return malformed("digest is required");
    if (needs_target && r.target.empty()) return malformed("target is required");
    return r;
}

result<reply> decode_reply(std::string_view body) {
    reply r;
    const auto parsed = read_body(body, [&](std::string_view key, std::string_view value) {
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
        if (key == "yes") return r.yes = value == "1", true;
        if (key == "text") return r.text = value, true;
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

std::size_t frame_size(const std::array<char, 4>& header, std::size_t most) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size |= static_cast<std::size_t>(static_cast<unsigned char>(header[i])) << (8 * i);
    return size >= 1 && size <= most ? size : 0;
}

std::string parked_path(vmid id, const node_name& source, std::uint32_t generation) {
    return fmt::format("priv/steward/parked/{}.{}.g{}.conf", id.number(), source.str(), generation);
}

}  // namespace steward::guard
