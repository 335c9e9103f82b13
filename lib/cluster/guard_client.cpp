#include "cluster/guard_client.hpp"

#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
using boost::system::error_code;
using local = asio::local::stream_protocol;

namespace {

constexpr std::size_t longest_socket_path = 107;

fault nobody_there(const std::string& path, const std::string& why) {
    return fault(errc::unavailable, "",
                 fmt::format("steward-guard does not answer on {}; is it running on this node? ({})", path, why));
}

fault lost(const std::string& why) {
    return fault(errc::outcome_unknown, "steward-guard", "the request was sent, but the answer was lost: " + why);
}

/// Cancellation is no answer of the guard's.
void rethrow_if_aborted(const error_code& ec) {
    if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
}

/// `is_sent` becomes true once the guard may have the whole request.
asio::awaitable<result<guard::reply>> exchange(std::string path, std::string frame, bool& is_sent) {
    local::socket socket(co_await asio::this_coro::executor);
    error_code ec;
    const local::endpoint there(path);
    co_await socket.async_connect(there, asio::redirect_error(asio::use_awaitable, ec));
    rethrow_if_aborted(ec);
    if (ec) co_return nobody_there(path, ec.message());
    // All bytes but the last are no request: only after that one has been written the guard can have understood it.
    is_sent = true;
    co_await asio::async_write(socket, asio::buffer(frame), asio::redirect_error(asio::use_awaitable, ec));
    rethrow_if_aborted(ec);
    if (ec) {
        is_sent = false;
        co_return nobody_there(path, ec.message());
    }
    std::array<char, 4> header{};
    co_await asio::async_read(socket, asio::buffer(header), asio::redirect_error(asio::use_awaitable, ec));
    rethrow_if_aborted(ec);
    if (ec) co_return lost(ec.message());
    const std::size_t size = guard::frame_size(header, guard::max_reply);
    if (size == 0) co_return lost("a frame of impossible length");
    std::string body(size, '\0');
    co_await asio::async_read(socket, asio::buffer(body), asio::redirect_error(asio::use_awaitable, ec));
    rethrow_if_aborted(ec);
    if (ec) co_return lost(ec.message());
    auto answer = guard::decode_reply(body);
    if (!answer) co_return lost(answer.error().detail);
    co_return answer;
}

}  // namespace

guard_client::guard_client(time_source& time, std::string socket_path, duration limit)
    : time_(time), socket_path_(std::move(socket_path)), limit_(limit) {}

asio::awaitable<result<guard::reply>> guard_client::ask(guard::request what) {
    if (socket_path_.empty() || socket_path_.size() > longest_socket_path)
        co_return fault(errc::unavailable, "", fmt::format("\"{}\" cannot be a socket path", socket_path_));
    const std::string body = guard::encode(what);
    const auto header = guard::frame_header(body.size());
    std::string frame(header.data(), header.size());
    frame += body;
    bool is_sent = false;
    auto work = exchange(socket_path_, std::move(frame), is_sent);
    auto got = co_await with_timeout(time_, limit_, std::move(work));
    const bool changes_nothing = !guard::is_change(what.what);
    if (!got) {
        const bool timed_out = got.error().code == errc::timed_out;
        const std::string why = timed_out ? "no answer within " + format_duration(limit_) : got.error().detail;
        if (is_sent && !changes_nothing) {
            if (timed_out) co_return lost(why);
            co_return got;
        }
        if (is_sent)
            co_return nobody_there(socket_path_, why + "; it serves root and the user of its --allow-user only");
        if (timed_out) co_return nobody_there(socket_path_, why);
        co_return got;
    }
    if (!got->ok) co_return fault(got->code, "steward-guard", got->detail);
    co_return got;
}

asio::awaitable<result<std::vector<std::string>>> names_through(guard_client& guard, std::string directory) {
    guard::request r;
    r.what = guard::verb::list;
    r.name = std::move(directory);
    const auto answer = co_await guard.ask(std::move(r));
    if (!answer) co_return answer.error();
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin < answer->text.size();) {
        const std::size_t end = std::min(answer->text.find('\n', begin), answer->text.size());
        names.push_back(answer->text.substr(begin, end - begin));
        begin = end + 1;
    }
    std::sort(names.begin(), names.end());
    co_return names;
}

asio::awaitable<result<std::vector<stored_record>>> load_through(guard_client& guard, std::string directory) {
    const auto names = co_await names_through(guard, directory);
    if (!names) co_return names.error();
    std::vector<stored_record> all;
    for (const std::string& name : *names) {
        guard::request r;
        r.what = guard::verb::read;
        r.name = directory + "/" + name;
        const auto answer = co_await guard.ask(std::move(r));
        const bool is_bad = !answer && (answer.error().code == errc::garbage || answer.error().code == errc::invalid);
        if (!answer && !is_bad) co_return answer.error();
        if (is_bad || answer->yes) all.emplace_back(name, is_bad ? std::string() : answer->text);
    }
    co_return all;
}

}  // namespace steward
