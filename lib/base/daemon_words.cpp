#include "base/daemon_words.hpp"

#include "base/key_lines.hpp"

#include <fmt/core.h>

namespace steward {
namespace {

constexpr std::size_t longest_list = 3500;  // a lease has at most 4096 bytes
constexpr std::size_t longest_digest = 128;

bool read_question(std::string_view text, question& into) {
    const auto read = parse_question(text);
    into = read.value_or(question());
    return read.has_value();
}

bool read_guests(std::string_view text, std::vector<guest_id>& into) {
    auto guests = split_guests(text);
    if (guests) into = std::move(*guests);
    return guests.has_value();
}

}  // namespace

std::string to_text(const daemon_words& w) {
    const std::string down = join_guests(w.down);
    const std::string unsure = join_guests(w.unsure);
    // An observer that sees that much fail has no vote on single guests (reliability §1.5).
    const std::string asked = join_guests(w.asked);
    const bool is_too_much = down.size() + unsure.size() + asked.size() > longest_list;
    return fmt::format("config={}\nfit={}\nleads={}\nasks={}\nanswers={}\n", w.config_digest,
                       w.is_fit && !is_too_much ? 1 : 0, w.leads, to_text(is_too_much ? question() : w.asks),
                       to_text(w.answers)) +
           fmt::format("down={}\nunsure={}\nasked={}\nmanaged={}\n", is_too_much ? "" : down, is_too_much ? "" : unsure,
                       is_too_much ? "" : asked, join_guests(w.managed));
}

std::optional<daemon_words> parse_daemon_words(std::string_view text) {
    daemon_words w;
    const auto wrong = for_each_line(text, [&](std::string_view key, std::string_view value) {
        if (key == "config") return w.config_digest = value, value.size() <= longest_digest;
        if (key == "fit") return w.is_fit = value == "1", true;
        if (key == "leads") {
            const auto epoch = parse_number(value);
            w.leads = epoch.value_or(0);
            return epoch.has_value();
        }
        if (key == "down") return read_guests(value, w.down);
        if (key == "unsure") return read_guests(value, w.unsure);
        if (key == "asked") return read_guests(value, w.asked);
        if (key == "asks") return read_question(value, w.asks);
        if (key == "answers") return read_question(value, w.answers);
        return key == "managed" && read_guests(value, w.managed);
    });
    if (wrong) return std::nullopt;
    return w;
}

}  // namespace steward
