#include "sim/recorded_rows.hpp"

#include <boost/json/parse.hpp>

#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace steward::sim::recorded {

namespace {

std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        ++i;
        out += text[i] == 'n' ? '\n' : text[i];
    }
    return out;
}

/// "# name @12s 30ms"
void read_title(row& r, const std::string& line) {
    std::istringstream in(line.substr(2));
    std::string offset;
    std::string took;
    in >> r.name >> offset >> took;
    r.offset_seconds = std::stol(offset.substr(1));
    r.took_milliseconds = std::stol(took);
}

/// "= 400 json Parameter verification failed."
void read_status(row& r, const std::string& rest) {
    if (rest == "silence") return;
    if (rest.starts_with("lacks ")) return;
    std::istringstream in(rest);
    in >> r.status >> r.kind;
    std::getline(in, r.reason);
    if (!r.reason.empty()) r.reason.erase(0, 1);
    constexpr std::string_view old = "  [HTTP/1.0]";
    if (r.reason.ends_with(old)) {
        r.is_http_1_0 = true;
        r.reason.resize(r.reason.size() - old.size());
    }
}

void read_header(row& r, const std::string& rest) {
    if (rest == "no credentials") {
        r.has_credentials = false;
        return;
    }
    const std::size_t colon = rest.find(": ");
    if (colon == std::string::npos) throw std::runtime_error("no header: " + rest);
    r.headers.emplace_back(rest.substr(0, colon), rest.substr(colon + 2));
    const std::string& name = r.headers.back().first;
    if (name == "Authorization" || name == "Cookie") r.has_credentials = false;
}

void read_line(row& r, const std::string& line) {
    const std::string rest = line.size() > 2 ? line.substr(2) : std::string();
    if (line.starts_with("> ")) return read_header(r, rest);
    if (line.starts_with("| ")) {
        r.body += (r.body.empty() ? "" : "\n") + rest;
    } else if (line.starts_with("= ")) {
        read_status(r, rest);
    } else if (line.starts_with("~ ")) {
        std::istringstream in(rest);
        for (std::string key; in >> key;) r.volatile_keys.push_back(key);
    } else if (line.front() == '{') {
        r.data = boost::json::parse(line);
    } else if (line.front() == '"') {
        r.text = unescaped(line.substr(1));
    } else if (r.method.empty()) {
        const std::size_t blank = line.find(' ');
        r.method = line.substr(0, blank);
        r.target = blank == std::string::npos ? "" : line.substr(blank + 1);
    } else {
        throw std::runtime_error("unexpected line: " + line);
    }
}

directive read_directive(const std::string& line) {
    directive d;
    const std::size_t blank = line.find(' ', 2);
    d.verb = line.substr(2, blank - 2);
    if (blank != std::string::npos) d.rest = line.substr(blank + 1);
    return d;
}

}  // namespace

std::vector<row> read_rows(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file);
    std::vector<row> rows;
    std::vector<directive> before;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        try {
            if (line.empty() || line.starts_with("## ")) continue;
            if (line.starts_with("! ")) {
                before.push_back(read_directive(line));
            } else if (line.starts_with("# ")) {
                read_title(rows.emplace_back(), line);
                rows.back().before = std::move(before);
                before.clear();
            } else {
                if (rows.empty()) throw std::runtime_error("a row begins with its name");
                read_line(rows.back(), line);
            }
        } catch (const std::exception& e) {
            throw std::runtime_error(fmt::format("{}:{}: {}", file, number, e.what()));
        }
    }
    return rows;
}

}  // namespace steward::sim::recorded
