#pragma once
#include "sim/model/cluster.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>

namespace steward::sim {

/// The guests' web services as real sockets: open while the model says that a service answers, closed (connections are
/// refused) while it is dead. "ok ct101 on n2 tags a;b" with 200, or 503 for a service that refuses.
class service_listeners {
  public:
    service_listeners(boost::asio::any_io_executor executor, cluster& model);
    ~service_listeners();
    service_listeners(const service_listeners&) = delete;
    service_listeners& operator=(const service_listeners&) = delete;

    /// Takes every guest's address and keeps it, listening or not; port 0 becomes one of the kernel's choice.
    [[nodiscard]] result<void> reserve();
    /// "127.1.0.101:8080"
    [[nodiscard]] std::string address_of(guest_id guest) const;
    /// Opens and closes sockets so that they match the model.
    void reconcile();
    /// Closes all and waits for what is still being answered.
    [[nodiscard]] boost::asio::awaitable<void> close();

  private:
    class service;
    boost::asio::any_io_executor executor_;
    cluster& model_;
    std::map<guest_id, std::unique_ptr<service>> services_;
};

}  // namespace steward::sim
