#include "sim/front/https_front.hpp"

#include "base/log.hpp"
#include "sim/front/wire.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {
namespace asio = boost::asio;

/// One node's port. A server can only be destroyed after its sessions have ended, so a closing one stays in the
/// background until they have.
class https_front::port {
  public:
    port(const asio::any_io_executor& executor, time_source& wire_time, node_name node, net::server_handler handler)
        : executor_(executor),
          wire_time_(wire_time),
          node_(std::move(node)),
          handler_(std::move(handler)),
          closing_(executor) {}

    net::server_options options;
    std::function<void()> on_closed;

    [[nodiscard]] const node_name& node() const { return node_; }

    result<void> open() {
        auto bound = net::https_server::listen(executor_, wire_time_, options, handler_);
        if (!bound) return bound.error();
        server_ = std::move(*bound);
        options.port = server_->port();  // the same one whenever the node comes back
        serving_ = std::make_unique<task_group>(executor_);
        serving_->spawn("node " + node_.str(), server_->serve());
        return {};
    }

    void set_open(bool wanted) {
        // A port that is still being closed cannot be opened again yet; `on_closed` brings us back here.
        if (wanted == (server_ != nullptr) || (wanted && is_closing_)) return;
        if (wanted) {
            if (const auto opened = open(); !opened)
                log::warning("sim.port", {{"node", node_.str()}, {"reason", opened.error().text()}});
            return;
        }
        is_closing_ = true;
        closing_.spawn("close " + node_.str(), shut(std::move(server_), std::move(serving_)));
    }

    asio::awaitable<void> close() {
        set_open(false);
        co_await closing_.join();
    }

  private:
    asio::awaitable<void> shut(std::unique_ptr<net::https_server> server, std::unique_ptr<task_group> serving) {
        serving->cancel();
        co_await serving->join();
        // The sessions were cancelled with it; give them a moment to unwind before what they refer to goes.
        co_await wire_time_.sleep_for(std::chrono::milliseconds(50));
        server.reset();
        is_closing_ = false;
        if (on_closed) on_closed();
    }

    asio::any_io_executor executor_;
    time_source& wire_time_;
    node_name node_;
    net::server_handler handler_;
    std::unique_ptr<net::https_server> server_;
    std::unique_ptr<task_group> serving_;
    bool is_closing_ = false;
    task_group closing_;
};

https_front::https_front(asio::any_io_executor executor, time_source& model_time, time_source& wire_time,
                         cluster& model)
    : executor_(std::move(executor)), model_time_(model_time), wire_time_(wire_time), model_(model) {}

https_front::~https_front() = default;

result<void> https_front::open(std::string address, std::uint16_t first_port) {
    auto ca = net::make_certificate("Proxmox Virtual Environment", {}, net::certificate());
    if (!ca) return ca.error();
    ca_ = std::move(*ca);
    for (const node_name& name : model_.configured().nodes) {
        const auto own =
            net::make_certificate(name.str() + ".sim", {name.str(), "localhost", "127.0.0.1", "::1", address}, ca_);
        if (!own) return own.error();
        model_.find_node(name)->fingerprint = own->fingerprint_sha256;
        net::server_handler handler = [this, name](net::http_request request) {
            return answer(name, std::move(request));
        };
        auto one = std::make_unique<port>(executor_, wire_time_, name, std::move(handler));
        one->options.address = address;
        one->options.port = first_port;
        one->options.certificate_pem = own->certificate_pem;
        one->options.private_key_pem = own->private_key_pem;
        one->on_closed = [this] {
            if (model_.on_change) model_.on_change();
        };
        if (const auto opened = one->open(); !opened) return opened.error();
        ports_.push_back(std::move(one));
        if (first_port != 0) ++first_port;
    }
    return {};
}

std::string https_front::url_of(const node_name& node) const {
    for (const auto& one : ports_)
        if (one->node() == node) {
            const bool is_v6 = one->options.address.find(':') != std::string::npos;
            const std::string host = is_v6 ? "[" + one->options.address + "]" : one->options.address;
            return fmt::format("https://{}:{}", host, one->options.port);
        }
    return {};
}

void https_front::reconcile() {
    for (const auto& one : ports_) {
        const sim_node* n = model_.find_node(one->node());
        one->set_open(n != nullptr && n->reachable() && n->pveproxy != service::stopped);
    }
}

asio::awaitable<net::server_reply> https_front::answer(node_name node, net::http_request request) {
    model_.advance_to(model_time_.now());
    const time_point arrived = model_.now();
    wire::answer given = wire::serve(model_, node, request);
    while (given.again) {
        co_await model_time_.sleep_for(given.delay);
        model_.advance_to(model_time_.now());
        given = wire::serve(model_, node, request, arrived);
    }
    if (given.hangs) {
        // Until the client gives up, or this server is closed.
        for (;;) co_await wire_time_.sleep_for(std::chrono::hours(1));
    }
    if (given.delay > duration::zero()) co_await model_time_.sleep_for(given.delay);
    co_return std::move(given.reply);
}

asio::awaitable<void> https_front::close() {
    for (const auto& one : ports_) co_await one->close();
}

}  // namespace steward::sim
