#include "watch.hpp"

#include "api_exit.hpp"
#include "base/key_lines.hpp"
#include "waiting.hpp"

#include <iostream>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace steward::cli {
namespace {

constexpr std::chrono::seconds usual_rest{2};
constexpr std::uint64_t longest_rest = 86400;

/// Standard output goes into a text meanwhile: an answer then replaces the one before at once, without a flicker.
class caught_output {
  public:
    caught_output() : before_(std::cout.rdbuf(text_.rdbuf())) {}
    ~caught_output() { std::cout.rdbuf(before_); }
    caught_output(const caught_output&) = delete;
    caught_output& operator=(const caught_output&) = delete;
    [[nodiscard]] std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
    std::streambuf* before_;
};

std::optional<std::chrono::seconds> rest_of(const arguments& given) {
    const std::string word = given.option("watch", "");
    if (word.empty()) return usual_rest;
    const auto count = parse_number(word);
    if (!count || *count == 0 || *count > longest_rest) return std::nullopt;
    return std::chrono::seconds(*count);
}

}  // namespace

int run_or_watch(const arguments& given) {
    if (!given.has("watch")) return given.what->run(given);
    const auto rest = rest_of(given);
    if (!rest) return refuse_usage("--watch takes seconds, 1 to 86400, not \"" + given.option("watch", "") + "\"");
    const bool clears = ::isatty(STDOUT_FILENO) != 0;
    while (std::cout.good()) {
        std::string answer;
        int status = 0;
        {
            const caught_output caught;
            status = given.what->run(given);
            answer = caught.text();
        }
        // 2 is also a status that is critical, but that says something.
        if (status == 2 && answer.empty()) return 2;
        std::cout << (clears ? "\x1b[H\x1b[2J" : "") << answer << std::flush;
        wait_a_while(*rest);
    }
    return 1;
}

}  // namespace steward::cli
