#pragma once
#include "net/resolver.hpp"

#include <map>
#include <utility>

namespace steward::net {

/// Keeps what a name meant last: when it cannot be resolved any more, its old addresses are as good as they were. For
/// servers that prove who they are; a probe that asks for a name wants to know that it cannot be resolved.
class steady_resolver final : public resolver {
  public:
    /// `inner` outlives it.
    explicit steady_resolver(resolver& inner) : inner_(inner) {}
    [[nodiscard]] boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> resolve(
        std::string name, address_family family, time_point deadline) override;

  private:
    class known {
      public:
        std::vector<boost::asio::ip::address> addresses;
        bool is_old = false;  ///< said so already
    };
    resolver& inner_;
    std::map<std::pair<std::string, address_family>, known> known_;
};

}  // namespace steward::net
