#include "net/resolver.hpp"

#include "net/cares_resolver.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <ares.h>
#include <cstring>
#include <fmt/core.h>
#include <map>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>

namespace steward::net {
namespace asio = boost::asio;
using descriptor = asio::posix::stream_descriptor;
using addresses = std::vector<asio::ip::address>;

namespace {

/// One caller's question. c-ares keeps a reference until it has called back, whatever became of the caller.
struct question {
    explicit question(const asio::any_io_executor& executor)
        : answered(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer answered;
    bool is_over = false;
    int status = ARES_SUCCESS;
    addresses found;
};

void take_answer(void* raw, int status, int /*timeouts*/, ares_addrinfo* info) {
    const std::unique_ptr<std::shared_ptr<question>> mine(static_cast<std::shared_ptr<question>*>(raw));
    question& q = **mine;
    q.status = status;
    q.is_over = true;
    for (const ares_addrinfo_node* n = info ? info->nodes : nullptr; n; n = n->ai_next) {
        if (n->ai_family == AF_INET) {
            asio::ip::address_v4::bytes_type bytes{};
            std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(n->ai_addr)->sin_addr, bytes.size());
            q.found.emplace_back(asio::ip::address_v4(bytes));
        } else if (n->ai_family == AF_INET6) {
            asio::ip::address_v6::bytes_type bytes{};
            std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(n->ai_addr)->sin6_addr, bytes.size());
            q.found.emplace_back(asio::ip::address_v6(bytes));
        }
    }
    if (info) ares_freeaddrinfo(info);
    q.answered.cancel();
}

class cares_resolver final : public resolver {
  public:
    cares_resolver(asio::any_io_executor executor, time_source& time, const std::string& servers)
        : core_(std::make_shared<core>(std::move(executor), time, servers)) {}
    ~cares_resolver() override { core_->close(); }

    asio::awaitable<result<addresses>> resolve(std::string name, address_family family, time_point deadline) override {
        boost::system::error_code ec;
        const auto literal = asio::ip::make_address(name, ec);
        if (!ec) co_return addresses{literal};
        const auto c = core_;
        auto found = co_await with_deadline(c->time, deadline, c->ask(name, family));
        if (!found && found.error().code == errc::timed_out)
            co_return fault(errc::not_delivered, name, "its address could not be found in time");
        co_return found;
    }

  private:
    /// Lives until the last coroutine that uses it has ended, which may be after the resolver itself.
    struct core : std::enable_shared_from_this<core> {
        core(asio::any_io_executor ex, time_source& t, const std::string& servers)
            : executor(std::move(ex)), time(t), tasks(executor) {
            static std::once_flag once;
            std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
            ares_options options{};
            options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
                static_cast<core*>(self)->watch(fd, readable != 0, writable != 0);
            };
            options.sock_state_cb_data = this;
            options.timeout = 2000;
            options.tries = 2;
            is_ready = ares_init_options(&channel, &options,
                                         ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) == ARES_SUCCESS;
            if (is_ready && !servers.empty())
                is_ready = ares_set_servers_ports_csv(channel, servers.c_str()) == ARES_SUCCESS;
        }
        ~core() { close(); }
        core(const core&) = delete;
        core& operator=(const core&) = delete;

        void close() {
            if (!channel) return;
            tasks.cancel();
            // Calls every callback that is still open with ARES_EDESTRUCTION and closes the sockets through `watch`.
            ares_destroy(std::exchange(channel, nullptr));
        }

        asio::awaitable<result<addresses>> ask(std::string name, address_family family) {
            if (!is_ready || !channel) co_return fault(errc::not_delivered, name, "the resolver could not be set up");
            const auto q = std::make_shared<question>(executor);
            ares_addrinfo_hints hints{};
            hints.ai_family = family == address_family::v4   ? AF_INET
                              : family == address_family::v6 ? AF_INET6
                                                             : AF_UNSPEC;
            hints.ai_flags = ARES_AI_NOSORT;
            auto* const kept = new std::shared_ptr<question>(q);
            ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, take_answer, kept);
            keep_time();
            while (!q->is_over) {
                boost::system::error_code ec;
                co_await q->answered.async_wait(asio::redirect_error(asio::use_awaitable, ec));
                const auto cancelled = co_await asio::this_coro::cancellation_state;
                if (cancelled.cancelled() != asio::cancellation_type::none)
                    throw boost::system::system_error(asio::error::operation_aborted);
            }
            if (q->status != ARES_SUCCESS) co_return fault(errc::not_delivered, name, ares_strerror(q->status));
            if (q->found.empty()) co_return fault(errc::not_delivered, name, "has no address");
            co_return std::move(q->found);
        }

        /// c-ares opens, changes its interest in, and closes a socket. It owns the socket; we only wait for it.
        void watch(ares_socket_t fd, bool readable, bool writable) {
            const auto known = sockets.find(fd);
            if (!readable && !writable) {
                if (known == sockets.end()) return;
                known->second->waiter.release();
                sockets.erase(known);
                return;
            }
            std::shared_ptr<watched> w;
            if (known != sockets.end()) {
                w = known->second;
            } else {
                w = std::make_shared<watched>(executor, fd);
                sockets.emplace(fd, w);
            }
            if (readable && !std::exchange(w->reads, true))
                tasks.spawn("dns read", serve(shared_from_this(), w, fd, true));
            if (writable && !std::exchange(w->writes, true))
                tasks.spawn("dns write", serve(shared_from_this(), w, fd, false));
            w->wants_write = writable;
        }

        struct watched {
            watched(const asio::any_io_executor& executor, ares_socket_t fd) : waiter(executor, fd) {}
            descriptor waiter;
            bool reads = false;
            bool writes = false;
            bool wants_write = false;
        };

        static asio::awaitable<void> serve(std::shared_ptr<core> self, std::shared_ptr<watched> w, ares_socket_t fd,
                                           bool reads) {
            for (;;) {
                boost::system::error_code ec;
                const auto what = reads ? descriptor::wait_read : descriptor::wait_write;
                co_await w->waiter.async_wait(what, asio::redirect_error(asio::use_awaitable, ec));
                const auto known = self->sockets.find(fd);
                const bool is_gone = known == self->sockets.end() || known->second != w || !self->channel;
                if (ec || is_gone) co_return;
                ares_process_fd(self->channel, reads ? fd : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : fd);
                if (!reads && !w->wants_write) {
                    w->writes = false;
                    co_return;
                }
            }
        }

        /// Retries and time-outs of c-ares: one task while there are open questions.
        void keep_time() {
            if (std::exchange(is_keeping_time, true)) return;
            tasks.spawn("dns time", tick(shared_from_this()));
        }

        static asio::awaitable<void> tick(std::shared_ptr<core> self) {
            for (;;) {
                if (!self->channel) break;
                timeval buffer{};
                const timeval* next = ares_timeout(self->channel, nullptr, &buffer);
                if (!next) break;
                const duration pause = std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec);
                co_await self->time.sleep_for(pause + std::chrono::milliseconds(1));
                if (self->channel) ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            }
            self->is_keeping_time = false;
        }

        asio::any_io_executor executor;
        time_source& time;
        ares_channel channel = nullptr;
        bool is_ready = false;
        bool is_keeping_time = false;
        std::map<ares_socket_t, std::shared_ptr<watched>> sockets;
        task_group tasks;
    };

    std::shared_ptr<core> core_;
};

}  // namespace

std::unique_ptr<resolver> make_cares_resolver(asio::any_io_executor executor, time_source& time) {
    return make_cares_resolver(std::move(executor), time, std::string());
}

std::unique_ptr<resolver> make_cares_resolver(asio::any_io_executor executor, time_source& time,
                                              const std::string& servers) {
    return std::make_unique<cares_resolver>(std::move(executor), time, servers);
}

}  // namespace steward::net
