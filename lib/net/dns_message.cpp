#include "net/dns_message.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <fmt/core.h>

namespace steward::net {
namespace {

struct type_word {
    std::string_view word;
    std::uint16_t number;
};
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_soa = 6;
constexpr std::uint16_t type_mx = 15;
constexpr std::uint16_t type_txt = 16;
constexpr std::uint16_t type_aaaa = 28;
constexpr std::uint16_t type_srv = 33;
constexpr std::array types{type_word{"A", type_a},     type_word{"NS", 2},           type_word{"CNAME", 5},
                           type_word{"SOA", type_soa}, type_word{"PTR", 12},         type_word{"MX", type_mx},
                           type_word{"TXT", type_txt}, type_word{"AAAA", type_aaaa}, type_word{"SRV", type_srv}};
constexpr std::array<std::string_view, 6> rcodes{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
constexpr std::uint16_t class_internet = 1;
constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_name = 255;
constexpr int most_jumps = 32;  // to parts of other names, in one name

void append16(std::string& to, unsigned number) {
    to += static_cast<char>(number >> 8U & 0xffU);
    to += static_cast<char>(number & 0xffU);
}

/// Walks through a message. What lies behind its end reads as zero and makes it bad.
class reader {
  public:
    explicit reader(std::string_view all) : all_(all), end_(all.size()) {}

    [[nodiscard]] bool is_bad() const { return is_bad_; }
    [[nodiscard]] std::size_t at() const { return at_; }
    [[nodiscard]] bool is_at_end() const { return at_ >= end_; }
    void go_to(std::size_t where) { at_ = where; }

    unsigned byte() {
        if (at_ >= end_) return is_bad_ = true, 0U;
        return static_cast<unsigned char>(all_[at_++]);
    }
    unsigned number16() {
        const unsigned high = byte();
        return high << 8U | byte();
    }
    std::uint32_t number32() {
        const std::uint32_t high = number16();
        return high << 16U | number16();
    }
    std::string_view bytes(std::size_t n) {
        if (end_ - at_ < n) return is_bad_ = true, std::string_view();
        at_ += n;
        return all_.substr(at_ - n, n);
    }

    /// Without the final dot; the root is ".". A pointer leads to what stood before it, so that it ends.
    std::string name() {
        std::string out;
        std::size_t back = 0;  // where to go on after the first pointer
        std::size_t bound = at_;
        int jumps = 0;
        for (;;) {
            const unsigned length = byte();
            if (is_bad_ || length == 0) break;
            if (length >= 0xc0U) {
                const std::size_t where = (length & 0x3fU) << 8U | byte();
                if (back == 0) back = at_;
                if (is_bad_ || where >= bound || ++jumps > most_jumps) return is_bad_ = true, std::string();
                at_ = bound = where;
                continue;
            }
            if (length > longest_label) return is_bad_ = true, std::string();
            if (!out.empty()) out += '.';
            for (const char c : bytes(length)) append_escaped(out, c);
            if (out.size() > longest_name * 4) is_bad_ = true;
        }
        if (back != 0) at_ = back;
        return out.empty() ? "." : out;
    }

    static void append_escaped(std::string& to, char c) {
        const auto code = static_cast<unsigned char>(c);
        if (code <= 0x20 || code >= 0x7f)
            to += fmt::format("\\{:03d}", code);
        else
            to += c;
    }

  private:
    std::string_view all_;
    std::size_t at_ = 0;
    std::size_t end_;
    bool is_bad_ = false;
};

std::string address_text(int family, std::string_view bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (!::inet_ntop(family, bytes.data(), text.data(), text.size())) return {};
    return text.data();
}

std::string txt_text(reader& r, std::size_t end) {
    std::string out;
    while (r.at() < end && !r.is_bad())
        for (const char c : r.bytes(r.byte()))
            if (c == ' ')
                out += c;
            else
                reader::append_escaped(out, c);
    return out;
}

/// One record's data in the words of `dig +short`.
std::string data_text(reader& r, std::uint16_t type, std::size_t end) {
    const std::size_t size = end - r.at();
    switch (type) {
        case type_a: return size == 4 ? address_text(AF_INET, r.bytes(4)) : std::string();
        case type_aaaa: return size == 16 ? address_text(AF_INET6, r.bytes(16)) : std::string();
        case type_txt: return txt_text(r, end);
        case type_mx: {
            const unsigned preference = r.number16();
            return fmt::format("{} {}", preference, r.name());
        }
        case type_srv: {
            const unsigned priority = r.number16();
            const unsigned weight = r.number16();
            const unsigned port = r.number16();
            return fmt::format("{} {} {} {}", priority, weight, port, r.name());
        }
        case type_soa: {
            std::string out = r.name();
            out += " " + r.name();
            for (int i = 0; i < 5; ++i) out += fmt::format(" {}", r.number32());
            return out;
        }
        default: return r.name();
    }
}

fault garbage(std::string_view why) { return fault(errc::garbage, "dns", std::string(why)); }

bool same_name(std::string_view one, std::string_view other) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    const auto bare = [](std::string_view n) {
        return n.size() > 1 && n.ends_with('.') ? n.substr(0, n.size() - 1) : n;
    };
    const std::string_view a = bare(one);
    const std::string_view b = bare(other);
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

result<void> read_answers(reader& r, unsigned count, const dns_question& question, dns_reply& into) {
    for (unsigned i = 0; i < count; ++i) {
        if (r.is_at_end() && into.is_truncated) return {};
        r.name();
        const auto type = static_cast<std::uint16_t>(r.number16());
        const unsigned group = r.number16();
        r.number32();  // its time to live
        const std::size_t size = r.number16();
        const std::size_t begin = r.at();
        r.bytes(size);
        if (r.is_bad()) return into.is_truncated ? result<void>() : garbage("a record that ends too early");
        if (type == question.type && group == class_internet) {
            r.go_to(begin);
            std::string text = data_text(r, type, begin + size);
            if (r.is_bad() || r.at() != begin + size) return garbage("a record that is not of its type");
            into.answers.push_back(std::move(text));
        }
        r.go_to(begin + size);
    }
    return {};
}

}  // namespace

result<std::uint16_t> dns_type_of(std::string_view word) {
    for (const type_word& t : types)
        if (t.word == word) return t.number;
    return fault(errc::invalid, "", fmt::format("\"{}\" is no type of record", word));
}

result<std::string> write_dns_query(const dns_question& question) {
    std::string out;
    append16(out, question.id);
    append16(out, 0x0100);  // recursion desired
    append16(out, 1);
    for (int i = 0; i < 3; ++i) append16(out, 0);
    const std::size_t head = out.size();
    std::string_view rest = question.name == "." ? std::string_view() : std::string_view(question.name);
    while (!rest.empty()) {
        const auto dot = rest.find('.');
        const std::string_view label = rest.substr(0, dot);
        if (label.empty() || label.size() > longest_label)
            return fault(errc::invalid, "", fmt::format("\"{}\" is not a name", question.name));
        out += static_cast<char>(label.size());
        out += label;
        rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    }
    out += '\0';
    if (out.size() - head > longest_name)
        return fault(errc::invalid, "", fmt::format("\"{}\" is too long for a name", question.name));
    append16(out, question.type);
    append16(out, class_internet);
    return out;
}

result<dns_reply> read_dns_reply(std::string_view message, const dns_question& question) {
    reader r(message);
    const unsigned id = r.number16();
    const unsigned flags = r.number16();
    if (r.is_bad()) return garbage("shorter than a header");
    if (id != question.id) return fault(errc::not_found, "dns", "the answer to another question");
    if ((flags & 0xf800U) != 0x8000U) return garbage("not an answer to a query");
    dns_reply reply;
    const std::size_t code = flags & 0xfU;
    reply.rcode = code < rcodes.size() ? std::string(rcodes.at(code)) : fmt::format("RCODE{}", code);
    reply.is_truncated = (flags & 0x0200U) != 0;
    const unsigned questions = r.number16();
    const unsigned answers = r.number16();
    r.number32();  // authority and additional records
    // A server that refuses may leave the question out.
    if (questions > 1 || (questions == 0 && code == 0)) return garbage("it does not repeat the question");
    if (questions == 1) {
        const std::string name = r.name();
        const unsigned type = r.number16();
        r.number16();
        if (r.is_bad()) return garbage("a question that ends too early");
        if (!same_name(name, question.name) || type != question.type)
            return fault(errc::not_found, "dns", "the answer to another question");
    }
    const auto done = read_answers(r, answers, question, reply);
    if (!done) return done.error();
    return reply;
}

}  // namespace steward::net
