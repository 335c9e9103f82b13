#pragma once
#include "base/guard_frames.hpp"
#include "guard/pve_files.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace steward::guard {

/// The guard's end of the Unix socket: a poll loop, one request at a time. Serves root and one other user, told apart
/// by the kernel (SO_PEERCRED). A request whose asker has hung up before its turn is dropped: nobody waits for it any
/// more, and whoever asked may have decided otherwise meanwhile.
class server {
  public:
    using handler = std::function<reply(const request&)>;

    /// Binds `path` (mode 0600, owned by `allowed`). A socket file that nobody answers on is replaced; `exists` when
    /// another guard serves it.
    [[nodiscard]] static result<server> listen(const std::filesystem::path& path, uid_t allowed, handler handle);
    ~server();
    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;

    /// Nobody can connect any more.
    void close();
    /// Serves until `stop` becomes readable. Errors: io when polling itself fails.
    [[nodiscard]] result<void> run(int stop);

  private:
    struct client {
        descriptor socket;
        std::string who;  ///< "uid 999 pid 4711"
        std::string in;
        std::string out;
        bool is_gone = false;
    };

    server(descriptor listener, std::filesystem::path path, uid_t allowed, handler handle);
    void accept_one();
    void serve(client& c);
    void receive(client& c);
    void answer_next(client& c);
    void send(client& c);

    descriptor listener_;
    std::filesystem::path path_;
    uid_t allowed_;
    handler handle_;
    std::deque<client> clients_;  // oldest first
};

}  // namespace steward::guard
