#include "net/request_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace steward::net {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool contains_word(std::string_view text, std::string_view word) {
    const auto same = [](char x, char y) { return lower(x) == lower(y); };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

/// "GET /x HTTP/1.1": three words with one blank between two, and a version of digits.
class request_line {
  public:
    std::string_view method;
    std::string_view target;
    std::string_view version;
    bool is_good = false;

    explicit request_line(std::string_view line) {
        const std::size_t first = line.find(' ');
        const std::size_t last = line.rfind(' ');
        if (first == std::string_view::npos || first == last || first == 0) return;
        method = line.substr(0, first);
        target = line.substr(first + 1, last - first - 1);
        version = line.substr(last + 1);
        constexpr std::string_view protocol = "HTTP/";
        if (!version.starts_with(protocol)) return;
        version.remove_prefix(protocol.size());
        const std::size_t dot = version.find('.');
        if (dot == std::string_view::npos || dot == 0 || dot + 1 == version.size()) return;
        const auto is_blank = [](char c) { return c == ' ' || blanks.find(c) != std::string_view::npos; };
        if (std::any_of(target.begin(), target.end(), is_blank) || std::any_of(method.begin(), method.end(), is_blank))
            return;
        is_good = !target.empty() &&
                  std::all_of(version.begin(), version.end(), [](char c) { return is_digit(c) || c == '.'; });
    }
};

}  // namespace

std::string http_request::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (same_word(key, name)) return value;
    return {};
}

request_reader::stage request_reader::refuse(int status, std::string reason) {
    status_ = status;
    reason_ = std::move(reason);
    return stage_ = stage::refused;
}

request_reader::stage request_reader::take_request_line(std::string_view line) {
    if (line.empty()) return stage_;  // some browsers send one after a body
    request_.minor_version = 0;       // what cannot be read is answered as HTTP/1.0 (recorded: proto-30)
    const request_line words(line);
    if (!words.is_good) return refuse(400, "bad request");
    if (!words.version.starts_with("1."))
        return refuse(506, "http protocol version " + std::string(words.version) + " not supported");
    // A proxy would take what stands before the @ for somebody's name (pve-facts B.2).
    if (words.target.substr(0, words.target.find('/')).find('@') != std::string_view::npos)
        return refuse(400, "invalid url");
    request_.method = words.method;
    request_.target = words.target;
    request_.minor_version = words.version == "1.0" ? 0 : 1;
    has_request_line_ = true;
    return stage_;
}

request_reader::stage request_reader::take_header_line(std::string_view line) {
    if (line.empty()) return stage_ = stage::judge;
    if (++lines_ >= most_lines || (bytes_ += line.size()) >= largest_head) return stage_ = stage::ignored;
    if (blanks.find(line.front()) != std::string_view::npos) {
        if (request_.headers.empty()) return refuse(506, "unable to parse request header");
        const std::size_t begin = std::min(line.find_first_not_of(blanks), line.size());
        request_.headers.back().second += " " + std::string(line.substr(begin));
        return stage_;
    }
    const std::size_t colon = line.find(':');
    const std::size_t name_end = line.substr(0, colon).find_last_not_of(blanks);
    if (colon == std::string_view::npos || name_end == std::string_view::npos)
        return refuse(506, "unable to parse request header");
    const std::string_view name = line.substr(0, name_end + 1);
    if (name.find_first_of(blanks) != std::string_view::npos) return refuse(506, "unable to parse request header");
    const std::size_t begin = std::min(line.find_first_not_of(blanks, colon + 1), line.size());
    const std::size_t end = line.find_last_not_of(blanks);
    request_.headers.emplace_back(std::string(name),
                                  begin > end ? std::string() : std::string(line.substr(begin, end - begin + 1)));
    return stage_;
}

request_reader::stage request_reader::read(std::string& bytes) {
    std::size_t used = 0;
    while (stage_ == stage::head) {
        const std::size_t end = bytes.find('\n', used);
        if (end == std::string::npos) {
            if (bytes.size() - used > largest_head) stage_ = stage::ignored;
            break;
        }
        std::string_view line(bytes.data() + used, end - used);
        if (line.ends_with('\r')) line.remove_suffix(1);
        used = end + 1;
        if (line.size() >= largest_head)
            stage_ = stage::ignored;
        else
            has_request_line_ ? take_header_line(line) : take_request_line(line);
    }
    bytes.erase(0, used);
    if (stage_ == stage::ignored) bytes.clear();
    if (stage_ != stage::body) return stage_;
    const std::size_t missing = announced() - request_.body.size();
    const std::size_t here = std::min(missing, bytes.size());
    request_.body.append(bytes, 0, here);
    bytes.erase(0, here);
    if (here == missing) stage_ = stage::complete;
    return stage_;
}

request_reader::stage request_reader::read_body() { return stage_ = announced() == 0 ? stage::complete : stage::body; }

request_reader::stage request_reader::leave_body() {
    is_body_left_ = announced() > 0 || !request_.header("Transfer-Encoding").empty();
    return stage_ = stage::complete;
}

std::size_t request_reader::announced() const {
    const std::string text = request_.header("Content-Length");
    std::size_t length = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (ec == std::errc::result_out_of_range) return std::string::npos;
    return ec == std::errc() ? length : 0;
}

bool request_reader::keeps_alive() const {
    if (stage_ != stage::complete || is_body_left_) return false;
    const std::string wish = request_.header("Connection");
    if (wish.empty()) return request_.minor_version > 0;
    return !contains_word(wish, "close");
}

}  // namespace steward::net
