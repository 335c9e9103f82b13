#pragma once
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "sim/front/https_front.hpp"
#include "support/raw_client.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>

namespace steward::sim {

/// Real ports on the loopback before a model, everything in virtual time: five idle seconds cost nothing.
class served_front {
  public:
    explicit served_front(options o) {
        o.start = time.now();
        model = std::make_unique<cluster>(std::move(o));
        front = std::make_unique<https_front>(time.io().get_executor(), time, time, *model);
        const auto opened = front->open({"127.0.0.1"}, 0);
        REQUIRE(opened);
    }
    ~served_front() {
        task_group closing(time.io().get_executor());
        closing.spawn("close", front->close());
        for (int i = 0; i < 100 && closing.size() > 0; ++i) pass(std::chrono::milliseconds(100));
        CHECK(closing.size() == 0);
        front.reset();
        settle();
    }
    served_front(const served_front&) = delete;
    served_front& operator=(const served_front&) = delete;

    [[nodiscard]] std::uint16_t port(std::size_t node = 0) const {
        const std::string url = front->url_of(model->nodes()[node].name);
        return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    /// Lets everything run that needs no time; the kernel may take a moment to hand bytes over.
    void settle() {
        do {
            time.io().restart();
            time.io().poll();
        } while (time.io().run_one_for(std::chrono::milliseconds(5)) > 0);
    }

    void pass(duration how_long) {
        settle();
        time.run_for(how_long);
        settle();
    }

    /// In steps, until `done` or the limit.
    bool pass_until(const std::function<bool()>& done, duration limit) {
        const time_point end = time.now() + limit;
        settle();
        while (!done() && time.now() < end) pass(std::chrono::milliseconds(500));
        return done();
    }

    sim_time time;
    std::unique_ptr<cluster> model;
    std::unique_ptr<https_front> front;
};

/// One HTTP answer as it came.
class raw_answer {
  public:
    std::string status_line;
    net::http_headers headers;
    std::string body;
    bool is_complete = false;

    explicit raw_answer(const std::string& bytes) {
        const std::size_t end = bytes.find("\r\n\r\n");
        if (end == std::string::npos) return;
        std::size_t at = bytes.find("\r\n");
        status_line = bytes.substr(0, at);
        while (at < end) {
            const std::size_t next = bytes.find("\r\n", at + 2);
            const std::string line = bytes.substr(at + 2, next - at - 2);
            headers.emplace_back(line.substr(0, line.find(':')), line.substr(line.find(':') + 2));
            at = next;
        }
        body = bytes.substr(end + 4);
        const std::string length = header("Content-Length");
        is_complete = body.size() == (length.empty() ? 0 : std::stoul(length));
    }
    [[nodiscard]] std::string header(const std::string& name) const {
        for (const auto& [key, value] : headers)
            if (key == name) return value;
        return {};
    }
};

}  // namespace steward::sim
