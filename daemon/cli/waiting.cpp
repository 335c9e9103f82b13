#include "waiting.hpp"

#include "runtime/time_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace steward::cli {

void wait_a_while(duration how_long) {
    boost::asio::io_context io;
    os_time time;
    boost::asio::co_spawn(io, time.sleep_for(how_long), [](std::exception_ptr) {});
    io.run();
}

}  // namespace steward::cli
