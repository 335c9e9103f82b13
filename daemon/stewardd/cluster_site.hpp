#pragma once
#include "base/random.hpp"
#include "config/settings.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"
#include "services/keeper.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace steward {

/// What all clusters of a daemon share; outlives them.
class site_surroundings {
  public:
    site_surroundings(boost::asio::any_io_executor ex, time_source& t, random_source& r, net::resolver& all,
                      net::resolver& endpoints)
        : executor(std::move(ex)), time(t), chance(r), names(all), endpoint_names(endpoints) {}
    boost::asio::any_io_executor executor;
    time_source& time;
    random_source& chance;
    net::resolver& names;
    net::resolver& endpoint_names;
};

/// One cluster with everything that belongs to it alone: its way to PVE and the budget of calls there, its records, its
/// keeper and all tasks of that. Nothing here knows of other clusters.
class cluster_site {
  public:
    /// Errors: those of the credentials' files.
    [[nodiscard]] static result<std::unique_ptr<cluster_site>> make(site_surroundings around,
                                                                    config::settings settings);
    virtual ~cluster_site() = default;

    [[nodiscard]] virtual keeper& all() = 0;
    /// Reads the records and begins to look after the guests. Errors: those of keeper::start.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> begin() = 0;
    /// Returns when a task of it has failed, with the reason; it does not end otherwise.
    [[nodiscard]] virtual boost::asio::awaitable<std::string> failure() = 0;
    /// What a reload has found; a mistake in the credentials changes nothing. For how long taking it over has held the
    /// event loop.
    [[nodiscard]] virtual boost::asio::awaitable<duration> accept(config::settings fresh) = 0;
    /// Ends everything; false: some of it did not end within `limit`, and must not be destroyed.
    [[nodiscard]] virtual boost::asio::awaitable<bool> end(duration limit) = 0;

    /// Hand-overs that are under way.
    [[nodiscard]] std::size_t in_flight();
    /// "armed: 3 of 3 guests up, 0 hand-over(s) under way"
    [[nodiscard]] std::string summary();
};

}  // namespace steward
