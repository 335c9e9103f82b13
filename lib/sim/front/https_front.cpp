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
    int certificate_changes = 0;  ///< of the model's, those that this port has made

    void use(const net::certificate& other) {
        options.certificate_pem = other.certificate_pem;
        options.private_key_pem = other.private_key_pem;
        if (server_ == nullptr) return;
        if (const auto used = server_->use(other); !used)
            log::warning("sim.certificate", {{"node", node_.str()}, {"reason", used.error().text()}});
    }

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

result<void> https_front::open(const std::vector<std::string>& addresses, std::uint16_t first_port) {
    const std::vector<node_name>& nodes = model_.configured().nodes;
    const bool has_one_each = addresses.size() > 1;
    if (addresses.empty() || (has_one_each && addresses.size() != nodes.size()))
        return fault(errc::invalid, "listen",
                     fmt::format("{} addresses for {} nodes: give one for all, or one for each", addresses.size(),
                                 nodes.size()));
    net::certificate_order authority;
    authority.common_name = "Proxmox Virtual Environment";
    authority.unit = net::make_uuid();
    authority.organization = "PVE Cluster Manager CA";
    authority.ends = std::chrono::hours(10 * 365 * 24);
    authority.is_like_pve = true;
    auto ca = net::make_certificate(authority, net::certificate());
    if (!ca) return ca.error();
    ca_ = std::move(*ca);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const std::string& address = addresses[has_one_each ? i : 0];
        const auto own = certify(nodes[i], address, false);
        if (!own) return own.error();
        const bool is_next_port = first_port != 0 && !has_one_each;
        auto one = make_port(nodes[i], address, static_cast<std::uint16_t>(first_port + (is_next_port ? i : 0)));
        one->use(*own);
        if (const auto opened = one->open(); !opened) return opened.error();
        ports_.push_back(std::move(one));
    }
    return {};
}

std::unique_ptr<https_front::port> https_front::make_port(const node_name& name, const std::string& address,
                                                          std::uint16_t number) {
    net::server_handler handler = [this, name](net::http_request request) { return answer(name, std::move(request)); };
    auto one = std::make_unique<port>(executor_, wire_time_, name, std::move(handler));
    one->options.address = address;
    one->options.port = number;
    one->options.wants_body = [this, name](const net::http_request& head, std::size_t announced) {
        model_.advance_to(model_time_.now());
        return wire::wants_body(model_, name, head, announced);
    };
    one->options.refusal = [this](int status, const std::string& reason) {
        model_.advance_to(model_time_.now());
        return wire::refusal(model_, status, reason);
    };
    one->on_closed = [this] {
        if (model_.on_change) model_.on_change();
    };
    return one;
}

/// As recorded: names, owner, serial number and two years less a day (_tls_cert_pve1).
result<net::certificate> https_front::certify(const node_name& name, const std::string& address, bool is_expired) {
    net::certificate_order order;
    order.unit = "PVE Cluster Node";
    order.organization = "Proxmox Virtual Environment";
    order.common_name = name.str() + ".sim";
    order.alternative_names = {"127.0.0.1", "::1", "localhost"};
    if (address != "127.0.0.1" && address != "::1") order.alternative_names.push_back(address);
    order.alternative_names.push_back(name.str());
    order.alternative_names.push_back(order.common_name);
    order.serial = ++certificates_made_;
    order.is_like_pve = true;
    constexpr auto lifetime = std::chrono::hours(730 * 24);
    constexpr auto day = std::chrono::hours(24);
    order.begins = is_expired ? -lifetime - day : -std::chrono::hours(1);
    order.ends = order.begins + lifetime;
    auto made = net::make_certificate(order, ca_);
    if (made) model_.find_node(name)->fingerprint = made->fingerprint_sha256;
    return made;
}

void https_front::renew_certificates() {
    for (const auto& one : ports_) {
        const auto wanted = model_.faults().certificates.find(one->node());
        if (wanted == model_.faults().certificates.end() || wanted->second.changes == one->certificate_changes)
            continue;
        one->certificate_changes = wanted->second.changes;
        const auto made = certify(one->node(), one->options.address, wanted->second.expired);
        if (made)
            one->use(*made);
        else
            log::warning("sim.certificate", {{"node", one->node().str()}, {"reason", made.error().text()}});
    }
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
    renew_certificates();
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
