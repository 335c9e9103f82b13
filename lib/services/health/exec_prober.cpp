#include "services/health/exec_prober.hpp"

#include "net/probing.hpp"
#include "runtime/run_program.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/core.h>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <unistd.h>

namespace steward {
namespace {

/// It is there on every Debian (package util-linux), changes who we are before the program begins, and ends with 127
/// when it may not: that is unknown to us, as it should be.
constexpr const char* changer = "/usr/bin/setpriv";

/// Nagios' words for its exit statuses, beyond which nothing is known.
constexpr int ok = 0;
constexpr int warning = 1;
constexpr int critical = 2;
constexpr std::size_t longest_reason = 200;

std::optional<unsigned> number_of(const std::string& text) {
    unsigned n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size() || n > 0x7fffffffU) return std::nullopt;
    return n;
}

/// Who runs it.
class identity {
  public:
    uid_t user = ::geteuid();
    gid_t group = ::getegid();
    [[nodiscard]] bool is_ours() const { return user == ::geteuid() && group == ::getegid(); }
};

result<identity> identity_of(const exec_check& check) {
    identity who;
    if (check.user.empty()) return who;
    const auto uid = number_of(check.user);
    // A look into a local file at start or reload, not during a probe.
    const passwd* const known = uid ? ::getpwuid(*uid) : ::getpwnam(check.user.c_str());
    if (!uid && known == nullptr) return fault(errc::not_found, "", fmt::format("there is no user {}", check.user));
    who.user = known ? known->pw_uid : *uid;
    who.group = known ? known->pw_gid : static_cast<gid_t>(who.user);
    if (check.group.empty()) return who;
    const auto gid = number_of(check.group);
    const ::group* const named = gid ? nullptr : ::getgrnam(check.group.c_str());
    if (!gid && named == nullptr) return fault(errc::not_found, "", fmt::format("there is no group {}", check.group));
    who.group = gid ? *gid : named->gr_gid;
    return who;
}

/// What a plugin says to people: its first line, before the performance data.
std::string reason_in(const std::string& output) {
    std::string line = output.substr(0, output.find('\n'));
    line.resize(std::min(line.size(), line.find('|')));
    while (line.ends_with(' ') || line.ends_with('\r')) line.pop_back();
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    if (line.size() > longest_reason) {
        std::size_t end = longest_reason;
        while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80) --end;  // not inside a character
        line.resize(end);
    }
    return line;
}

class exec_prober final : public net::prober {
  public:
    exec_prober(exec_check check, time_source& time)
        : check_(std::move(check)), time_(time), who_(identity_of(check_)) {}

    boost::asio::awaitable<probe_result> run() override {
        const time_point began = time_.now();
        probe_result out;
        if (!who_) {
            out.reason = who_.error().text();
            co_return out;
        }
        std::vector<std::string> argv = command();
        const auto ended = co_await run_program(time_, std::move(argv), check_.timeout);
        if (ended)
            out = judge(*ended);
        else if (ended.error().code == errc::timed_out)
            out.reason = fmt::format("{} did not end within {}", check_.argv.front(), format_duration(check_.timeout));
        else
            out.reason = fmt::format("cannot start {}: {}", check_.argv.front(), ended.error().detail);
        out.took = time_.now() - began;
        out.phases.emplace_back("run", out.took);
        co_return out;
    }

  private:
    [[nodiscard]] std::vector<std::string> command() const {
        if (who_->is_ours()) return check_.argv;
        std::vector<std::string> out{changer, fmt::format("--reuid={}", who_->user),
                                     fmt::format("--regid={}", who_->group), "--clear-groups",
                                     // What the daemon may do beyond other users is not for its plugins.
                                     "--inh-caps=-all", "--ambient-caps=-all", "--"};
        out.insert(out.end(), check_.argv.begin(), check_.argv.end());
        return out;
    }

    [[nodiscard]] probe_result judge(const program_end& ended) const {
        probe_result out;
        const std::string said = reason_in(ended.output);
        out.reason = said.empty() ? fmt::format("exit status {}", ended.status) : said;
        switch (ended.status) {
            case ok: out.answer = verdict::healthy; break;
            case warning:
                out.answer = verdict::healthy;
                out.warning = out.reason;
                break;
            case critical: out.answer = verdict::unhealthy; break;
            default: out.reason = fmt::format("exit status {}{}{}", ended.status, said.empty() ? "" : ": ", said);
        }
        if (check_.is_explained) {
            out.details.emplace_back("exit status", std::to_string(ended.status));
            if (!ended.output.empty()) out.details.emplace_back("first bytes", net::probing::shown(ended.output));
        }
        return out;
    }

    exec_check check_;
    time_source& time_;
    result<identity> who_;
};

}  // namespace

std::unique_ptr<net::prober> make_prober(exec_check check, time_source& time) {
    return std::make_unique<exec_prober>(std::move(check), time);
}

}  // namespace steward
