#pragma once
#include "config/sim_script.hpp"
#include "runtime/time_source.hpp"
#include "sim/front/https_front.hpp"
#include "sim/front/service_listeners.hpp"
#include "sim/model/cluster.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace steward::sim {

class simulator_options {
  public:
    options model;                                       ///< start, wall_start and files are filled in
    std::vector<std::string> addresses = {"127.0.0.1"};  ///< one for all nodes, or one for each
    std::uint16_t port = 8006;  ///< of the first node, of each that has its own address; 0: the kernel's choice
    double speed = 1;           ///< task durations and delays pass so many times as fast
    std::filesystem::path directory;
    std::vector<config::sim_step> script;  ///< faults that come by themselves, so long after the start
    std::filesystem::path state_file;      ///< empty: nothing is kept beyond the files in `directory`/pve
};

/// A simulated cluster as a process: HTTPS ports, guest services and a control socket over one model, whose pmxcfs is
/// `directory`/pve. The guard may rename configurations there.
class simulator {
  public:
    /// Binds everything and writes ca.pem, token (0600), pve/ and fault.sock into the directory. Errors: io, invalid.
    [[nodiscard]] static result<std::unique_ptr<simulator>> open(boost::asio::any_io_executor executor,
                                                                 time_source& real, simulator_options wanted);
    ~simulator();
    simulator(const simulator&) = delete;
    simulator& operator=(const simulator&) = delete;

    /// One line of JSON: where everything is.
    [[nodiscard]] std::string ready_line() const;
    [[nodiscard]] cluster& model();
    /// Writes the cluster to the state file. Errors: invalid when there is none, io.
    [[nodiscard]] result<void> save();
    /// Serves until cancelled.
    [[nodiscard]] boost::asio::awaitable<void> run();
    /// Closes every socket and waits; after `run` was cancelled.
    [[nodiscard]] boost::asio::awaitable<void> close();

  private:
    class parts;
    explicit simulator(std::unique_ptr<parts> all);
    std::unique_ptr<parts> parts_;
};

/// Sends one command to the simulator that serves `directory` and returns what it printed; its complaint as `invalid`,
/// `unavailable` when none runs there. Blocks.
[[nodiscard]] result<std::string> send_fault(const std::filesystem::path& directory, const std::string& command);

}  // namespace steward::sim
