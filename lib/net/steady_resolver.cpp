#include "net/steady_resolver.hpp"

#include "base/log.hpp"

namespace steward::net {
namespace asio = boost::asio;

asio::awaitable<result<std::vector<asio::ip::address>>> steady_resolver::resolve(std::string name,
                                                                                 address_family family,
                                                                                 time_point deadline) {
    std::string asked = name;
    auto found = co_await inner_.resolve(std::move(asked), family, deadline);
    known& last = known_[{name, family}];
    if (found) {
        last.addresses = *found;
        last.is_old = false;
        co_return found;
    }
    if (last.addresses.empty()) co_return found;
    if (!last.is_old) log::warning("name.kept", {{"name", name}, {"reason", found.error().text()}});
    last.is_old = true;
    co_return last.addresses;
}

}  // namespace steward::net
