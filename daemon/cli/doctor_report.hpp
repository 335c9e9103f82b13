#pragma once
#include <boost/json/fwd.hpp>

#include <string>
#include <vector>

/// What `steward doctor` found.
namespace steward::cli {

enum class severity { ok, unknown, warning, critical };

/// One line: what was looked at, what is the matter, and what to do.
class finding {
  public:
    finding(severity how_bad, std::string what, std::string words, std::string help)
        : how(how_bad), topic(std::move(what)), text(std::move(words)), todo(std::move(help)) {}
    severity how;
    std::string topic;  ///< "endpoint n1:8006", "clock", "privileges": stable, for machines
    std::string text;
    std::string todo;  ///< may have several lines; empty when there is nothing to do
};

class doctor_report {
  public:
    void ok(std::string topic, std::string text) { add(severity::ok, std::move(topic), std::move(text), ""); }
    void add(severity how, std::string topic, std::string text, std::string todo) {
        all.emplace_back(how, std::move(topic), std::move(text), std::move(todo));
    }
    /// What could not be looked at, and why.
    void unknown(std::string topic, std::string text, std::string todo = "") {
        add(severity::unknown, std::move(topic), std::move(text), std::move(todo));
    }
    [[nodiscard]] severity worst() const;
    std::vector<finding> all;
};

[[nodiscard]] const char* name_of(severity s);
[[nodiscard]] std::string as_text(const doctor_report& r);
[[nodiscard]] boost::json::object as_json(const doctor_report& r);
/// As `steward status`: 0 ok, 1 warning, 2 critical, 3 when something could not be looked at and nothing else is wrong.
[[nodiscard]] int exit_code_of(const doctor_report& r);

}  // namespace steward::cli
