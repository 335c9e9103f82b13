#include "net/response_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <fmt/core.h>
#include <optional>
#include <vector>

namespace steward::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t header_limit = 32U << 10U;
/// Without a limit a server could keep us busy for ever without answering.
constexpr int most_interim_answers = 32;

/// A body that is collected as it comes. Beast's own string_body reserves what Content-Length announces.
struct collected_body {
    using value_type = std::string;
    class reader {
      public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>&, value_type& into) : into_(into) {}
        void init(const boost::optional<std::uint64_t>&, boost::system::error_code& ec) { ec = {}; }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& ec) {
            ec = {};
            std::size_t n = 0;
            for (const asio::const_buffer piece : boost::beast::buffers_range_ref(buffers)) {
                into_.append(static_cast<const char*>(piece.data()), piece.size());
                n += piece.size();
            }
            return n;
        }
        void finish(boost::system::error_code& ec) { ec = {}; }

      private:
        value_type& into_;
    };
};

fault garbage(std::string_view why) {
    return fault(errc::garbage, "read", fmt::format("not a proper HTTP answer: {}", why));
}

fault longer_than(std::uint64_t most) {
    return fault(errc::garbage, "read", fmt::format("the answer is longer than {} bytes", most));
}

}  // namespace

/// The bytes on one side, the parser on the other.
class response_reader::parsing {
  public:
    parsing(std::size_t max_body, too_long how, progress& how_far)
        : max_body_(max_body), cuts_(how == too_long::is_cut_off), how_far_(how_far) {
        begin();
    }

    result<void> take(std::string_view bytes, time_point now) {
        boost::system::error_code ec;
        if (bytes.empty()) {
            if (how_far_.received == 0) return fault(errc::outcome_unknown, "read", "the server closed the connection");
            // Beast asserts that an end comes after a beginning.
            if (parser_->got_some()) parser_->put_eof(ec);
            if (ec || !parser_->is_done())
                return fault(errc::outcome_unknown, "read",
                             "the server closed the connection in the middle of its answer");
            return {};
        }
        if (how_far_.received == 0) how_far_.first_byte = now;
        how_far_.last_byte = now;
        how_far_.received += bytes.size();
        pending_.append(bytes);
        while (!pending_.empty() && !parser_->is_done()) {
            const std::size_t used = parser_->put(asio::buffer(pending_), ec);
            pending_.erase(0, used);
            // Beast limits headers, and leaves the extensions and trailers of chunks to us.
            if (ec == http::error::need_more && pending_.size() > header_limit) return garbage("a line without an end");
            if (ec == http::error::need_more) return {};
            if (ec) return garbage(ec.message());
            if (is_interim()) {
                if (++interim_answers_ > most_interim_answers) return garbage("nothing but interim answers");
                begin();
            } else if (used == 0) {
                return {};
            }
        }
        return {};
    }

    [[nodiscard]] bool is_for_probe() const { return cuts_; }
    [[nodiscard]] bool is_done() const { return parser_->is_done(); }
    [[nodiscard]] bool is_enough() const { return cuts_ && parser_->is_header_done() && body().size() >= max_body_; }
    [[nodiscard]] bool keeps_alive() const { return parser_->is_done() && parser_->keep_alive() && pending_.empty(); }
    [[nodiscard]] bool is_success() const {
        return parser_->is_header_done() && parser_->get().result_int() / 100 == 2;
    }
    [[nodiscard]] std::optional<std::uint64_t> announced() const {
        const auto length = parser_->content_length();
        if (!length) return {};
        return *length;
    }
    [[nodiscard]] bool is_packed() const {
        if (!parser_->is_header_done()) return false;
        const auto coding = parser_->get()[http::field::content_encoding];
        return coding == "gzip" || coding == "x-gzip";
    }
    [[nodiscard]] std::string& body() { return parser_->get().body(); }
    [[nodiscard]] const std::string& body() const { return parser_->get().body(); }
    [[nodiscard]] std::size_t max_body() const { return max_body_; }

    /// The caller watches the length of bodies himself.
    void leave_length_open() {
        is_open_ = true;
        parser_->body_limit(boost::none);
    }

    /// Before the first byte.
    void expect_no_body() {
        is_bodiless_ = true;
        parser_->skip(true);
    }

    http_response finish() {
        http_response out;
        auto& message = parser_->get();
        out.status = static_cast<int>(message.result_int());
        out.reason = std::string(message.reason());
        for (const auto& field : message)
            out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        out.body = std::move(message.body());
        if (cuts_ && out.body.size() > max_body_) out.body.resize(max_body_);
        return out;
    }

  private:
    void begin() {
        parser_.emplace();
        parser_->eager(true);
        parser_->header_limit(header_limit);
        if (is_bodiless_) parser_->skip(true);
        if (cuts_ || is_open_)
            parser_->body_limit(boost::none);
        else
            parser_->body_limit(max_body_);
    }

    /// 100 Continue, 103 Early Hints: the answer is still to come (RFC 9110 15.2). 101 is never asked for.
    [[nodiscard]] bool is_interim() const {
        const unsigned status = parser_->is_done() ? parser_->get().result_int() : 0;
        return status / 100 == 1 && status != 101;
    }

    std::size_t max_body_;
    bool cuts_;
    bool is_open_ = false;
    bool is_bodiless_ = false;
    progress& how_far_;
    std::string pending_;
    int interim_answers_ = 0;
    std::optional<http::response_parser<collected_body>> parser_;
};

response_reader::response_reader(connection& from, time_source& time, std::size_t max_body, too_long how,
                                 progress& how_far)
    : from_(from), time_(time), how_far_(how_far), parsing_(std::make_unique<parsing>(max_body, how, how_far)) {}

response_reader::~response_reader() = default;

void response_reader::expect_no_body() { parsing_->expect_no_body(); }

void response_reader::pour_into(byte_sink& sink, std::uint64_t most, std::function<void(std::uint64_t)> moving) {
    sink_ = &sink;
    most_ = most;
    moving_ = std::move(moving);
    parsing_->leave_length_open();
}

bool response_reader::keeps_alive() const { return parsing_->keeps_alive(); }

asio::awaitable<result<void>> response_reader::pour() {
    std::string& body = parsing_->body();
    if (!parsing_->is_success()) {
        if (body.size() > parsing_->max_body()) co_return garbage("body limit exceeded");
        co_return result<void>();
    }
    if (!unpacking_ && parsing_->is_packed()) unpacking_ = std::make_unique<gunzip>();
    if (!unpacking_) {
        if (parsing_->announced().value_or(0) > most_) co_return longer_than(most_);
        auto kept = co_await hand_over(body);
        co_return kept;
    }
    unpacking_->put(body);
    body.clear();
    for (;;) {
        const auto more = unpacking_->next(plain_);
        if (!more) co_return more.error();
        if (!*more) break;
        const auto kept = co_await hand_over(plain_);
        if (!kept) co_return kept;
    }
    if (parsing_->is_done() && !unpacking_->is_over()) co_return garbage("packed data without an end");
    co_return result<void>();
}

asio::awaitable<result<void>> response_reader::hand_over(std::string& bytes) {
    if (bytes.empty()) co_return result<void>();
    if (poured_ + bytes.size() > most_) co_return longer_than(most_);
    auto kept = co_await sink_->write(bytes);
    poured_ += bytes.size();
    bytes.clear();
    how_far_.last_byte = time_.now();
    if (kept && moving_) moving_(poured_);
    co_return kept;
}

/// A body that was held, packed though nobody asked for it.
result<void> response_reader::unpack() {
    gunzip unpacking;
    unpacking.put(parsing_->body());
    parsing_->body().clear();
    for (;;) {
        const auto more = unpacking.next(parsing_->body());
        if (!more) return more.error();
        if (parsing_->body().size() > parsing_->max_body()) {
            if (!parsing_->is_for_probe()) return longer_than(parsing_->max_body());
            return {};  // `finish` cuts it off
        }
        if (!*more) break;
    }
    return unpacking.is_over() ? result<void>() : garbage("packed data without an end");
}

asio::awaitable<result<http_response>> response_reader::run() {
    // Small for probes: thousands of them may be reading at the same time. A TLS record is 16 KiB at most.
    std::array<char, 4096> small;
    std::vector<char> large;
    if (!parsing_->is_for_probe()) large.resize(sink_ ? 65536 : 16384);
    asio::mutable_buffer chunk = asio::buffer(small);
    if (!large.empty()) chunk = asio::buffer(large);
    while (!parsing_->is_done()) {
        if (parsing_->is_enough()) break;
        const auto n = co_await from_.read_some(chunk);
        if (!n) co_return fault(errc::outcome_unknown, "read", n.error().detail);
        const auto taken = parsing_->take(std::string_view(static_cast<const char*>(chunk.data()), *n), time_.now());
        if (sink_ && taken) {
            const auto poured = co_await pour();
            if (!poured) co_return poured.error();
        }
        if (!taken) co_return taken.error();
    }
    const bool was_held = !sink_ || !parsing_->is_success();
    if (was_held && parsing_->is_packed() && !parsing_->is_enough()) {
        const auto unpacked = unpack();
        if (!unpacked) co_return unpacked.error();
    }
    co_return parsing_->finish();
}

}  // namespace steward::net
