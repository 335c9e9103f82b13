#include "api/control_server.hpp"

#include "base/log.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <filesystem>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace steward::api {
namespace asio = boost::asio;
using asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t largest_request = 64U << 10U;
constexpr duration patience = 30s;

class unix_control_server final : public control_server {
  public:
    unix_control_server(time_source& time, cluster_list clusters, stream_protocol::acceptor acceptor, std::string path,
                        configuration_teller tells_configuration)
        : time_(time),
          clusters_(std::move(clusters)),
          tells_configuration_(std::move(tells_configuration)),
          acceptor_(std::move(acceptor)),
          path_(std::move(path)),
          connections_(acceptor_.get_executor()) {}
    ~unix_control_server() override { ::unlink(path_.c_str()); }

    asio::awaitable<void> serve() override {
        try {
            co_await accept();
        } catch (...) {
            connections_.cancel();
            throw;
        }
    }

  private:
    asio::awaitable<void> accept() {
        for (;;) {
            boost::system::error_code ec;
            stream_protocol::socket peer(acceptor_.get_executor());
            co_await acceptor_.async_accept(peer, asio::redirect_error(asio::use_awaitable, ec));
            if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
            if (ec) {
                log::warning("control.accept", {{"reason", ec.message()}});
                co_await time_.sleep_for(100ms);
                continue;
            }
            connections_.spawn("control", serve_one(std::move(peer)));
        }
    }

    asio::awaitable<void> serve_one(stream_protocol::socket peer) {
        // A client that says nothing or reads nothing must not stay for ever.
        const auto done = co_await with_timeout(time_, patience, converse(peer));
        if (!done) log::debug("control.closed", {{"reason", done.error().text()}});
    }

    asio::awaitable<result<void>> converse(stream_protocol::socket& peer) {
        std::string line;
        boost::system::error_code ec;
        auto buffer = asio::dynamic_buffer(line, largest_request);
        co_await asio::async_read_until(peer, buffer, '\n', asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return fault(errc::io, "control", ec.message());
        std::string asker = asker_of(peer);
        std::vector<served_cluster> clusters = clusters_();
        configuration_teller tells = tells_configuration_;
        const std::string answer =
            co_await answer_request(std::move(clusters), std::move(line), std::move(asker), std::move(tells));
        co_await asio::async_write(peer, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return fault(errc::io, "control", ec.message());
        co_return result<void>();
    }

    /// Who is at the other end, as the kernel says: "root", "uid 999"; empty when he may not give orders.
    static std::string asker_of(stream_protocol::socket& peer) {
        ucred who{};
        socklen_t size = sizeof who;
        if (::getsockopt(peer.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
        if (who.uid == 0) return "root";
        return who.uid == ::geteuid() ? fmt::format("uid {}", who.uid) : std::string();
    }

    time_source& time_;
    cluster_list clusters_;
    configuration_teller tells_configuration_;
    stream_protocol::acceptor acceptor_;
    std::string path_;
    task_group connections_;
};

}  // namespace

result<std::unique_ptr<control_server>> control_server::listen(asio::any_io_executor executor, time_source& time,
                                                               cluster_list clusters, const std::string& path,
                                                               configuration_teller tells_configuration) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fault(errc::invalid, "control_socket", path + " is too long for a Unix socket");
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    // The lock of this node is already ours, so a socket that is still there belongs to a dead daemon.
    ::unlink(path.c_str());
    stream_protocol::acceptor acceptor(executor);
    boost::system::error_code ec;
    acceptor.open(stream_protocol(), ec);
    if (!ec) acceptor.bind(stream_protocol::endpoint(path), ec);
    if (!ec) acceptor.listen(16, ec);
    if (ec) return fault(errc::io, "control socket " + path, ec.message());
    ::chmod(path.c_str(), 0660);
    return std::unique_ptr<control_server>(std::make_unique<unix_control_server>(
        time, std::move(clusters), std::move(acceptor), path, std::move(tells_configuration)));
}

}  // namespace steward::api
