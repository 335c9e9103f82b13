#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace steward::pve::api {

/// The values of an enumeration as they are on the wire, in the order of the C++ enumerators.
class choice_table {
  public:
    const char* const* names = nullptr;
    std::uint16_t count = 0;
};

/// What `choice` is without its enumeration: the interpreter reads and writes all of them through this.
class any_choice {
  public:
    static constexpr std::uint16_t unlisted = 0xffff;
    any_choice() = default;
    explicit any_choice(std::uint16_t at) : at_(at) {}
    explicit any_choice(std::string text) : text_(std::move(text)) {}

    [[nodiscard]] std::uint16_t index() const { return at_; }
    /// The value on the wire.
    [[nodiscard]] std::string_view text(const choice_table& names) const {
        return at_ == unlisted ? std::string_view(text_) : std::string_view(names.names[at_]);
    }
    void read(const choice_table& names, std::string_view text) {
        at_ = unlisted;
        for (std::uint16_t i = 0; i < names.count && at_ == unlisted; ++i)
            if (text == names.names[i]) at_ = i;
        text_ = at_ == unlisted ? std::string(text) : std::string();
    }
    bool operator==(const any_choice&) const = default;

  private:
    std::uint16_t at_ = unlisted;
    std::string text_;
};

/// One value of the enumeration `E`, or a text that this program's facts do not list: a newer server may answer with
/// one, and one may be sent on purpose. `table_of(E)` is generated beside each enumeration.
template <class E>
class choice : public any_choice {
  public:
    choice() = default;
    choice(E value) : any_choice(static_cast<std::uint16_t>(value)) {}
    /// The name of a listed value, or any other text.
    explicit choice(std::string_view text) { read(table(), text); }

    [[nodiscard]] bool is(E value) const { return index() == static_cast<std::uint16_t>(value); }
    /// Nothing when the text is not listed.
    [[nodiscard]] std::optional<E> listed() const {
        if (index() == unlisted) return std::nullopt;
        return static_cast<E>(index());
    }
    [[nodiscard]] std::string_view text() const { return any_choice::text(table()); }
    static const choice_table& table() { return table_of(E()); }
};

}  // namespace steward::pve::api
