#include "base/pattern.hpp"

#include <fmt/core.h>
#include <re2/re2.h>
#include <string>

namespace steward {
namespace {

constexpr std::size_t longest_expression = 4096;
constexpr std::int64_t most_memory = 1 << 20;  // for the compiled expression and what it remembers of texts

RE2::Options quiet() {
    RE2::Options out;
    out.set_log_errors(false);
    out.set_max_mem(most_memory);
    return out;
}

}  // namespace

class pattern::compiled {
  public:
    explicit compiled(std::string_view expression)
        : with(re2::StringPiece(expression.data(), expression.size()), quiet()) {}
    RE2 with;
};

pattern::pattern(std::shared_ptr<const compiled> c) : compiled_(std::move(c)) {}

result<pattern> pattern::compile(std::string_view expression) {
    const auto refused = [&](std::string_view why) {
        return fault(errc::invalid, "",
                     fmt::format("\"{}\" is not a regular expression: {}", expression.substr(0, 80), why));
    };
    if (expression.size() > longest_expression)
        return refused(fmt::format("it is longer than {} characters", longest_expression));
    auto made = std::make_shared<const compiled>(expression);
    if (!made->with.ok()) return refused(made->with.error());
    return pattern(std::move(made));
}

bool pattern::found_in(std::string_view text) const {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->with);
}

}  // namespace steward
