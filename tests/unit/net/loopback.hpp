#pragma once
#include "net/probe.hpp"
#include "net/resolver.hpp"
#include "runtime/task_group.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Real sockets on the loopback, with ports that the kernel chooses.
namespace steward::net::loopback {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

template <class T>
asio::awaitable<void> keep(asio::awaitable<T> work, std::optional<T>& into) {
    into.emplace(co_await std::move(work));
}

/// Runs the loop until no task is left.
inline void run_out(asio::io_context& io, task_group& tasks) {
    io.restart();  // it stopped if the test before had nothing left to do
    while (tasks.size() > 0) io.run_one();
}

/// Runs the loop until `work` has ended.
template <class T>
T await(asio::io_context& io, asio::awaitable<T> work) {
    std::optional<T> done;
    task_group tasks(io.get_executor());
    tasks.spawn("awaited", keep(std::move(work), done));
    run_out(io, tasks);
    REQUIRE(done);
    return std::move(*done);
}

inline std::vector<asio::ip::address> list(const std::vector<std::string>& texts) {
    std::vector<asio::ip::address> out;
    for (const std::string& t : texts) out.push_back(asio::ip::make_address(t));
    return out;
}

/// A port on which nothing listens: bound, so that nobody else gets it meanwhile.
class closed_port {
  public:
    explicit closed_port(asio::io_context& io) : held_(io, tcp::v4()) {
        held_.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    }
    [[nodiscard]] std::uint16_t number() const { return held_.local_endpoint().port(); }

  private:
    tcp::socket held_;
};

/// A listener that answers no SYN: its queue holds one connection and has it.
class silent_port {
  public:
    explicit silent_port(asio::io_context& io, const std::string& address = "127.0.0.1")
        : acceptor_(io, tcp::v4()), filler_(io) {
        acceptor_.bind(tcp::endpoint(asio::ip::make_address(address), 0));
        acceptor_.listen(0);
        filler_.connect(acceptor_.local_endpoint());
    }
    [[nodiscard]] std::uint16_t number() const { return acceptor_.local_endpoint().port(); }

  private:
    tcp::acceptor acceptor_;
    tcp::socket filler_;
};

/// Answers the same addresses for every name, or nothing: for what a look-up cannot be made to say on any machine.
class scripted_names final : public resolver {
  public:
    explicit scripted_names(std::vector<std::string> addresses) : found_(list(addresses)) {}
    asio::awaitable<result<std::vector<asio::ip::address>>> resolve(std::string name, address_family,
                                                                    time_point) override {
        ++asked;
        if (found_.empty()) co_return fault(errc::not_delivered, name, "Domain name not found");
        co_return found_;
    }
    int asked = 0;

  private:
    std::vector<asio::ip::address> found_;
};

inline wanted_text matching(const std::string& expression) {
    auto compiled = pattern::compile(expression);
    REQUIRE(compiled);
    return wanted_text(std::move(*compiled), expression);
}

}  // namespace steward::net::loopback
