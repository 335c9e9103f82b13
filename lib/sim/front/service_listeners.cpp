#include "sim/front/service_listeners.hpp"

#include "runtime/task_group.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <fmt/core.h>

namespace steward::sim {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string page(const cluster& model, guest_id guest) {
    const auto where = model.running_on(guest);
    const std::string node = where.empty() ? "-" : where.front().str();
    const auto config = where.empty() ? std::nullopt : model.config(where.front(), guest);
    const std::string name = (guest.type == guest_type::ct ? "ct" : "vm") + to_string(guest.id);
    return fmt::format("ok {} on {} tags {}\n", name, node, config ? config->get("tags") : "");
}

asio::awaitable<void> answer_one(tcp::socket peer, cluster& model, guest_id guest) {
    boost::system::error_code ec;
    std::string request;
    auto buffer = asio::dynamic_buffer(request, 16384);
    co_await asio::async_read_until(peer, buffer, "\r\n\r\n", asio::redirect_error(asio::use_awaitable, ec));
    const auto service = model.service_of(guest);
    // A hung one keeps the connection and says nothing until the client gives up.
    if (!ec && service == service_state::hung) {
        char rest = 0;
        co_await peer.async_read_some(asio::buffer(&rest, 1), asio::redirect_error(asio::use_awaitable, ec));
    }
    if (ec) co_return;
    const bool fine = service == service_state::healthy;
    const std::string body = fine ? page(model, guest) : std::string("refused\n");
    const std::string text =
        fmt::format("HTTP/1.1 {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                    fine ? "200 OK" : "503 Service Unavailable", body.size(), body);
    co_await asio::async_write(peer, asio::buffer(text), asio::redirect_error(asio::use_awaitable, ec));
}

result<void> bind_to(tcp::acceptor& acceptor, const tcp::endpoint& where) {
    boost::system::error_code ec;
    acceptor.open(where.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(where, ec);
    if (ec) return fault(errc::io, fmt::format("bind {}:{}", where.address().to_string(), where.port()), ec.message());
    return {};
}

}  // namespace

class service_listeners::service {
  public:
    service(const asio::any_io_executor& executor, cluster& model, guest_id guest)
        : model_(model), guest_(guest), reservation_(executor), tasks_(executor) {}

    result<void> reserve(const tcp::endpoint& wanted) {
        const auto bound = bind_to(reservation_, wanted);
        if (bound) where_ = reservation_.local_endpoint();
        return bound;
    }
    [[nodiscard]] const tcp::endpoint& where() const { return where_; }

    void set_open(bool open) {
        if (open == (open_ != nullptr)) return;
        if (!open) {
            boost::system::error_code ignored;
            open_->close(ignored);
            open_.reset();
            return;
        }
        auto acceptor = std::make_shared<tcp::acceptor>(reservation_.get_executor());
        boost::system::error_code ec;
        if (!bind_to(*acceptor, where_)) return;  // tried again at the next reconcile
        acceptor->listen(asio::socket_base::max_listen_connections, ec);
        if (ec) return;
        open_ = acceptor;
        tasks_.spawn("service", accept(std::move(acceptor)));
    }

    asio::awaitable<void> close() {
        set_open(false);
        tasks_.cancel();
        co_await tasks_.join();
    }

  private:
    asio::awaitable<void> accept(std::shared_ptr<tcp::acceptor> acceptor) {
        for (;;) {
            tcp::socket peer(acceptor->get_executor());
            boost::system::error_code ec;
            co_await acceptor->async_accept(peer, asio::redirect_error(asio::use_awaitable, ec));
            if (ec) co_return;  // closed, because the service died
            tasks_.spawn("service.answer", answer_one(std::move(peer), model_, guest_));
        }
    }

    cluster& model_;
    guest_id guest_;
    // Bound but never listening: keeps the port ours while the service is dead, and connections are refused.
    tcp::acceptor reservation_;
    tcp::endpoint where_;
    std::shared_ptr<tcp::acceptor> open_;
    task_group tasks_;
};

service_listeners::service_listeners(asio::any_io_executor executor, cluster& model)
    : executor_(std::move(executor)), model_(model) {}

service_listeners::~service_listeners() = default;

result<void> service_listeners::reserve() {
    for (const guest_options& g : model_.configured().guests) {
        if (!g.has_service) continue;
        boost::system::error_code ec;
        const auto address = asio::ip::make_address(g.address, ec);
        if (ec) return fault(errc::invalid, to_string(g.guest), fmt::format("\"{}\" is no IP address", g.address));
        auto one = std::make_unique<service>(executor_, model_, g.guest);
        if (const auto bound = one->reserve(tcp::endpoint(address, g.port)); !bound) return bound.error();
        services_.emplace(g.guest, std::move(one));
    }
    return {};
}

std::string service_listeners::address_of(guest_id guest) const {
    const auto found = services_.find(guest);
    if (found == services_.end()) return {};
    const tcp::endpoint& where = found->second->where();
    return fmt::format("{}:{}", where.address().to_string(), where.port());
}

void service_listeners::reconcile() {
    for (const auto& [guest, one] : services_) {
        const auto state = model_.service_of(guest);
        one->set_open(state && *state != service_state::dead);
    }
}

asio::awaitable<void> service_listeners::close() {
    for (const auto& entry : services_) co_await entry.second->close();
}

}  // namespace steward::sim
