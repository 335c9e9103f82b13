#pragma once
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"

#include <deque>
#include <string>
#include <vector>

namespace steward::pve {

/// Answers task calls from a script, the last entry for ever: "running", an exit text, "lost" (no answer) or "gone".
/// The log is all there from the start.
class scripted_transport final : public transport {
  public:
    explicit scripted_transport(std::deque<std::string> s) : script(std::move(s)) {}

    boost::asio::awaitable<result<reply>> send(request call, time_point) override {
        calls.push_back(std::string(http_method(call.what)) + " " + call.path);
        reply r;
        r.status = 200;
        if (call.path.ends_with("/log")) {
            r.body = log_after(call);
            co_return r;
        }
        const std::string now = script.front();
        if (script.size() > 1) script.pop_front();
        if (now == "lost") co_return fault(errc::not_delivered, "n1", "connection refused");
        if (now == "gone") {
            r.status = 400;
            r.reason = "Parameter verification failed.";
            r.body = R"({"data":null,"errors":{"upid":"no such task"}})";
            co_return r;
        }
        r.body = now == "running" ? R"({"data":{"status":"running"}})"
                                  : R"({"data":{"status":"stopped","exitstatus":")" + now + R"("}})";
        co_return r;
    }

    [[nodiscard]] std::string log_after(const request& call) const {
        std::size_t start = 0;
        std::size_t limit = 50;
        for (const auto& [name, value] : call.params) {
            if (name == "start") start = std::stoul(value);
            if (name == "limit") limit = std::stoul(value);
        }
        std::string rows;
        for (std::size_t i = start; i < log.size() && i < start + limit; ++i)
            rows += (rows.empty() ? "" : ",") + (R"({"n":)" + std::to_string(i + 1) + R"(,"t":")" + log[i] + R"("})");
        if (rows.empty()) rows = R"({"n":1,"t":"no content"})";
        return R"({"data":[)" + rows + R"(],"total":)" + std::to_string(log.size()) + "}";
    }

    std::deque<std::string> script;
    std::vector<std::string> log;
    std::vector<std::string> calls;
};

}  // namespace steward::pve
