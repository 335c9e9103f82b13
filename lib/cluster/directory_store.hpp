#pragma once
#include "cluster/cluster_store.hpp"
#include "cluster/guard_client.hpp"

#include <boost/asio/thread_pool.hpp>

#include <filesystem>
#include <string>

namespace steward {

/// `cluster_store` for a single `stewardd`: records are files in `<state_dir>/records`, claims are directories in
/// `<state_dir>/claims`, configurations change hands through the guard. Files are touched on a thread of its own.
class directory_store final : public cluster_store {
  public:
    directory_store(time_source& time, std::filesystem::path state_dir, std::string guard_socket);
    ~directory_store() override;

    /// A file that is empty, too large or not text is renamed to `….bad`, logged, and left out.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<stored_record>>> load_records() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> save_record(std::string name, std::string text) override;
    [[nodiscard]] boost::asio::awaitable<result<bool>> claim(std::string name) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> check_parking() override;
    [[nodiscard]] boost::asio::awaitable<result<std::string>> park(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> unpark(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> relocate(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<std::vector<stored_record>>> load_parked() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> discard(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> unlock(guard::request what) override;

  private:
    boost::asio::awaitable<result<void>> change(guard::verb verb, guard::request what);

    std::filesystem::path records_;
    std::filesystem::path claims_;
    guard_client guard_;
    boost::asio::thread_pool worker_{1};
};

}  // namespace steward
