#include "runtime/run_program.hpp"

#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;

namespace {

constexpr std::size_t most_output = 64U << 10U;

/// A child that was started: dies with this object, and with it everything that it started in its own group.
class child {
  public:
    child(pid_t pid, int pid_handle) : pid_(pid), handle_(pid_handle) {}
    child(child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), handle_(std::exchange(other.handle_, -1)) {}
    child& operator=(child&&) = delete;
    ~child() {
        if (handle_ >= 0) ::close(handle_);
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        // It may take its time to die, in a system call that cannot be interrupted; nobody here waits for that.
        if (::waitpid(pid_, nullptr, WNOHANG) == 0) left_to_die().push_back(pid_);
    }
    /// Those that had not ended when they were given up.
    static void bury() {
        std::erase_if(left_to_die(), [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    }
    /// Readable once it has ended; ours to close.
    [[nodiscard]] int take_handle() { return std::exchange(handle_, -1); }
    /// After that.
    [[nodiscard]] int reap() {
        int how = 0;
        ::kill(-pid_, SIGKILL);  // what it left running in its group
        while (::waitpid(pid_, &how, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    }

  private:
    static std::vector<pid_t>& left_to_die() {
        thread_local std::vector<pid_t> all;  // of this thread's event loop
        return all;
    }

    pid_t pid_;
    int handle_;
};

fault cannot_start(const std::string& what, int error) {
    return fault(errc::not_delivered, what, std::error_code(error, std::generic_category()));
}

result<child> spawn(std::vector<std::string>& argv, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&how);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, output, 1);
    ::posix_spawn_file_actions_adddup2(&files, output, 2);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&how, 0);
    ::posix_spawnattr_setsigmask(&how, &none);
    ::posix_spawnattr_setsigdefault(&how, &all);
    std::vector<char*> words;
    for (std::string& a : argv) words.push_back(a.data());
    words.push_back(nullptr);
    std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::array<char*, 2> environment{path.data(), nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv.front().c_str(), &files, &how, words.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&how);
    if (error != 0) return cannot_start(argv.front(), error);
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    const int handle_error = errno;
    child started(pid, handle);
    if (handle < 0) return cannot_start(argv.front(), handle_error);
    return started;
}

/// Until the program and all that hold its output have closed it.
asio::awaitable<std::string> read_output(asio::posix::stream_descriptor& from) {
    std::string all;
    std::array<char, 4096> buffer{};
    for (;;) {
        boost::system::error_code ec;
        const std::size_t n =
            co_await from.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return all;
        all.append(buffer.data(), std::min(n, most_output - std::min(most_output, all.size())));
    }
}

asio::awaitable<result<program_end>> follow(child& program, asio::posix::stream_descriptor& output) {
    program_end end;
    asio::posix::stream_descriptor ended(output.get_executor(), program.take_handle());
    end.output = co_await read_output(output);
    boost::system::error_code ec;
    co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) throw boost::system::system_error(ec);
    end.status = program.reap();
    co_return end;
}

}  // namespace

asio::awaitable<result<program_end>> run_program(time_source& time, std::vector<std::string> argv, duration limit) {
    if (argv.empty() || !argv.front().starts_with('/'))
        co_return fault(errc::invalid, "", "a program is named by its absolute path");
    const auto executor = co_await asio::this_coro::executor;
    child::bury();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) co_return cannot_start(argv.front(), errno);
    asio::posix::stream_descriptor output(executor, ends[0]);
    auto program = spawn(argv, ends[1]);
    ::close(ends[1]);
    if (!program) co_return program.error();
    auto work = follow(*program, output);
    auto ended = co_await with_timeout(time, limit, std::move(work));
    co_return ended;
}

}  // namespace steward
