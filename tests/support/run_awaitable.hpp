#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>

namespace steward {

/// Runs one coroutine to its end on `io`, real time; other tasks of that io_context go on meanwhile.
template <class T>
T run_awaitable(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
    std::optional<T> value;
    std::exception_ptr error;
    bool is_over = false;
    auto ended = [&](std::exception_ptr e, T v) {
        error = std::move(e);
        value = std::move(v);
        is_over = true;
    };
    boost::asio::co_spawn(io, std::move(work), std::move(ended));
    io.restart();
    while (!is_over && io.run_one() > 0) {
    }
    if (error) std::rethrow_exception(error);
    return std::move(*value);
}

}  // namespace steward
