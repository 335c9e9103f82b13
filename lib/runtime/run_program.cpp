#include "runtime/run_program.hpp"

#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;

namespace {

/// What is read behind the end of a program, at most: somebody who has left its group may go on writing.
constexpr std::size_t most_behind_end = 1U << 20U;

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

/// A file in memory, at its beginning: whoever reads it never waits, and whoever does not read it keeps nobody waiting.
result<int> file_with(const std::string& text) {
    const int fd = ::memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) return cannot_start("memfd_create", errno);
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n <= 0 && errno == EINTR) continue;
        if (n <= 0) {
            const int error = errno;
            ::close(fd);
            return cannot_start("write the input", error);
        }
        done += static_cast<std::size_t>(n);
    }
    ::lseek(fd, 0, SEEK_SET);
    return fd;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& w : words) all.push_back(w.data());
    all.push_back(nullptr);
    return all;
}

result<child> spawn(program_start& what, int input, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&how);
    ::posix_spawn_file_actions_adddup2(&files, input, 0);
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
    what.environment.emplace_back(program_path);
    const std::vector<char*> words = pointers_to(what.argv);
    const std::vector<char*> environment = pointers_to(what.environment);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, what.argv.front().c_str(), &files, &how, words.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&how);
    if (error != 0) return cannot_start(what.argv.front(), error);
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    const int handle_error = errno;
    child started(pid, handle);
    if (handle < 0) return cannot_start(what.argv.front(), handle_error);
    return started;
}

void keep(const char* said, std::size_t n, std::size_t most, program_end& into) {
    const std::size_t room = most - std::min(most, into.output.size());
    into.output.append(said, std::min(n, room));
    into.is_cut = into.is_cut || n > room;
}

/// Until all that hold its output have closed it, or it is called off.
asio::awaitable<void> read_output(asio::posix::stream_descriptor& from, std::size_t most, program_end& into) {
    std::array<char, 4096> buffer{};
    for (;;) {
        boost::system::error_code ec;
        const std::size_t n =
            co_await from.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        keep(buffer.data(), n, most, into);
    }
}

asio::awaitable<void> until_ended(asio::posix::stream_descriptor& program, bool& has_ended) {
    boost::system::error_code ec;
    co_await program.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, ec));
    has_ended = !ec;
}

/// What had been said when it ended.
void read_rest(asio::posix::stream_descriptor& from, std::size_t most, program_end& into) {
    boost::system::error_code ec;
    from.non_blocking(true, ec);
    std::array<char, 4096> buffer{};
    for (std::size_t all = 0; !ec && all < most_behind_end;) {
        const std::size_t n = from.read_some(asio::buffer(buffer), ec);
        if (!ec) keep(buffer.data(), n, most, into);
        all += n;
    }
}

/// Its end counts, not that of its output: what it leaves in the background holds nobody up.
asio::awaitable<result<int>> follow(child& program, asio::posix::stream_descriptor& output, std::size_t most,
                                    program_end& into) {
    using namespace asio::experimental::awaitable_operators;
    asio::posix::stream_descriptor ended(output.get_executor(), program.take_handle());
    bool has_ended = false;
    co_await (read_output(output, most, into) || until_ended(ended, has_ended));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    if (!has_ended) co_await until_ended(ended, has_ended);
    if (!has_ended) throw boost::system::system_error(asio::error::operation_aborted);
    const int status = program.reap();
    read_rest(output, most, into);
    co_return status;
}

}  // namespace

asio::awaitable<result<program_end>> run_program(time_source& time, program_start what, duration limit,
                                                 std::string* said) {
    if (what.argv.empty() || !what.argv.front().starts_with('/'))
        co_return fault(errc::invalid, "", "a program is named by its absolute path");
    const auto executor = co_await asio::this_coro::executor;
    child::bury();
    const auto input = file_with(what.input);
    if (!input) co_return input.error();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        const int error = errno;
        ::close(*input);
        co_return cannot_start(what.argv.front(), error);
    }
    asio::posix::stream_descriptor output(executor, ends[0]);
    auto program = spawn(what, *input, ends[1]);
    ::close(*input);
    ::close(ends[1]);
    if (!program) co_return program.error();
    program_end end;
    auto work = follow(*program, output, what.most_output, end);
    const auto status = co_await with_timeout(time, limit, std::move(work));
    if (said != nullptr) *said = end.output;
    if (!status) co_return status.error();
    end.status = *status;
    co_return end;
}

asio::awaitable<result<program_end>> run_program(time_source& time, std::vector<std::string> argv, duration limit) {
    program_start what(std::move(argv));
    auto ended = co_await run_program(time, std::move(what), limit);
    co_return ended;
}

}  // namespace steward
