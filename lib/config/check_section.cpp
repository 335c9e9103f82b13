#include "config/check_section.hpp"

#include "base/pattern.hpp"
#include "config/text_values.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <string_view>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

struct target_word {
    std::string_view key;
    check_kind kind;
};
constexpr std::array targets{target_word{"http", check_kind::http},  target_word{"tcp", check_kind::tcp},
                             target_word{"icmp", check_kind::icmp},  target_word{"dns", check_kind::dns},
                             target_word{"exec", check_kind::exec},  target_word{"pve", check_kind::pve},
                             target_word{"agent", check_kind::agent}};

/// Keys that only one kind of check has, and what that kind is called.
struct own_key {
    std::string_view key;
    check_kind kind;
    std::string_view only_for;
};
constexpr std::string_view http_only = "http checks";
constexpr std::string_view https_only = "https://";
constexpr std::array own_keys{
    own_key{"status", check_kind::http, http_only},        own_key{"method", check_kind::http, http_only},
    own_key{"headers", check_kind::http, http_only},       own_key{"body", check_kind::http, http_only},
    own_key{"body_contains", check_kind::http, http_only}, own_key{"body_regex", check_kind::http, http_only},
    own_key{"json", check_kind::http, http_only},          own_key{"redirects", check_kind::http, http_only},
    own_key{"ca_file", check_kind::http, https_only},      own_key{"insecure", check_kind::http, https_only},
    own_key{"sni", check_kind::http, https_only},          own_key{"client_certificate", check_kind::http, https_only},
    own_key{"client_key", check_kind::http, https_only},   own_key{"certificate_expiry", check_kind::http, https_only},
    own_key{"send", check_kind::tcp, "tcp checks"},        own_key{"expect", check_kind::tcp, "tcp checks"},
    own_key{"size", check_kind::icmp, "icmp checks"},      own_key{"ttl", check_kind::icmp, "icmp checks"},
    own_key{"count", check_kind::icmp, "icmp checks"},     own_key{"query", check_kind::dns, "dns checks"},
    own_key{"type", check_kind::dns, "dns checks"},        own_key{"rcode", check_kind::dns, "dns checks"},
    own_key{"answer", check_kind::dns, "dns checks"},      own_key{"user", check_kind::exec, "exec checks"},
    own_key{"group", check_kind::exec, "exec checks"},
};

/// Keys of another kind than `c` are known, and out of place. Those of an unusable check may be right.
void name_misplaced(section& s, const check& c, bool usable) {
    for (const own_key& k : own_keys) {
        if (usable && k.kind == c.kind && (c.tls || k.only_for != https_only)) continue;
        const node* const n = s.take(k.key);
        if (n && usable) s.complain(n->at, k.key, fmt::format("is for {} only", k.only_for));
    }
}

bool read_argv(section& s, const node& n, check& c, std::vector<named_file>& files) {
    if (n.kind == node_kind::refused) return false;
    const std::string path = s.path_of("exec");
    if (n.kind != node_kind::sequence || n.values.empty()) {
        s.complain(n.at, "exec", "is not a list (exec: [/usr/lib/nagios/plugins/check_ping, -H, 192.0.2.31, …])");
        return false;
    }
    for (std::size_t i = 0; i < n.values.size(); ++i) {
        const node& word = n.values[i];
        if (word.kind != node_kind::scalar) {
            s.complain(word.at, fmt::format("exec[{}]", i), "is not a single value");
            return false;
        }
        c.exec.argv.push_back(word.text);
    }
    if (!c.exec.argv.front().starts_with('/')) {
        s.complain(n.at, "exec", "begins with an absolute path");
        return false;
    }
    c.kind = check_kind::exec;
    c.name = c.exec.argv.front();
    files.emplace_back(n.at, path, c.exec.argv.front(), false);
    return true;
}

/// `pve: running`, `agent: ping`: there is one question of each kind.
bool read_question(section& s, const target_word& word, const node& n, check& c) {
    const std::string_view question = word.kind == check_kind::pve ? "running" : "ping";
    if (n.kind == node_kind::refused) return false;
    if (n.kind != node_kind::scalar || n.text != question) {
        s.complain(n.at, word.key, fmt::format("there is only {}: {}", word.key, question));
        return false;
    }
    c.kind = word.kind;
    c.name = fmt::format("{} {}", word.key, question);
    return true;
}

bool read_address(section& s, const target_word& word, const node& n, const target_rules& rules, check& c) {
    if (n.kind != node_kind::scalar || n.text.empty()) {
        if (n.kind != node_kind::refused) s.complain(n.at, word.key, "has no target");
        return false;
    }
    auto parsed = parse_check_target(word.kind, n.text);
    if (!parsed) {
        s.complain(n.at, word.key, parsed.error().detail);
        return false;
    }
    c.kind = parsed->kind;
    c.host = std::move(parsed->host);
    c.port = parsed->port;
    c.tls = parsed->tls;
    c.path = std::move(parsed->path);
    c.name = n.text;
    if (const auto why = rules.refusal(c.host, c.host, c.port)) s.complain(n.at, word.key, *why);
    return true;
}

/// What is probed, without the rhythm; false when it is unusable.
bool read_target(section& s, const target_rules& rules, check& c, std::vector<named_file>& files) {
    const target_word* word = nullptr;
    const node* where = nullptr;
    bool is_one = true;
    for (const target_word& t : targets) {
        const node* const n = s.take(t.key);
        if (!n) continue;
        if (word) {
            s.complain(n->at, t.key, "one check probes one thing: start a new list item with '-'");
            is_one = false;
        }
        word = &t;
        where = n;
    }
    if (!word && s.usable()) s.complain(s.at(), "has no target (one of http, tcp, icmp, dns, exec, pve, agent)");
    if (!word || !is_one) return false;
    if (word->kind == check_kind::exec) return read_argv(s, *where, c, files);
    if (word->kind == check_kind::pve || word->kind == check_kind::agent) return read_question(s, *word, *where, c);
    return read_address(s, *word, *where, rules, c);
}

/// A text that `read` turns into something.
template <class Thing>
const node* parsed_text(section& s, std::string_view key, result<Thing> (*read)(std::string_view), Thing& into) {
    std::string text;
    const node* const n = s.text(key, text);
    if (!n) return nullptr;
    auto parsed = read(text);
    if (!parsed) {
        s.complain(n->at, key, parsed.error().detail);
        return nullptr;
    }
    into = std::move(*parsed);
    return n;
}

const node* read_file(section& s, std::string_view key, std::string& into, bool is_secret,
                      std::vector<named_file>& files) {
    const node* const n = s.absolute_path(key, into);
    if (n) files.emplace_back(n->at, s.path_of(key), into, is_secret);
    return n;
}

// --- tcp -------------------------------------------------------------------------------------------------------------

void read_tcp(section& s, check& c) {
    parsed_text(s, "send", undo_escapes, c.tcp.send);
    expectation e;
    const node* const n = parsed_text(s, "expect", parse_expectation, e);
    if (!n) return;
    if (!e.is_regex) {
        auto plain = undo_escapes(e.text);
        if (!plain) return s.complain(n->at, "expect", plain.error().detail);
        e.text = std::move(*plain);
    }
    c.tcp.expect = std::move(e);
}

// --- http ------------------------------------------------------------------------------------------------------------

std::string small(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool is_secret_header(const std::string& name) {
    const std::string word = small(name);
    for (const std::string_view part : {"auth", "token", "secret", "passw", "key", "cookie", "credential", "session"})
        if (word.find(part) != std::string::npos) return true;
    return false;
}

/// Why this header cannot be set; empty when it can.
std::string why_no_header(const std::string& name) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
    const auto is_token = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token)) return "is no name of a header";
    for (const std::string_view own : {"content-length", "transfer-encoding", "connection", "accept-encoding", "te"})
        if (small(name) == own) return "is set by the probe itself";
    return {};
}

void read_headers(section& s, check& c, complaints& to, std::vector<named_file>& files) {
    const node* const n = s.take("headers");
    if (!n) return;
    section all(n, s.path_of("headers"), to);
    if (!all.usable()) return;
    for (std::size_t i = 0; i < n->keys.size(); ++i) {
        check_header h;
        h.name = n->keys[i].text;
        const node& value = n->values[i];
        if (const std::string why = why_no_header(h.name); !why.empty()) {
            all.complain(n->keys[i].at, h.name.substr(0, 80), why);
            continue;
        }
        if (value.kind == node_kind::map) {
            section in(&value, all.path_of(h.name), to);
            if (!read_file(in, "file", h.file, true, files) && value.keys.empty()) in.complain(in.at(), "is empty");
            in.finish();
        } else if (const std::string* const text = section::scalar(value, all.path_of(h.name), to)) {
            const bool is_one_line = std::none_of(
                text->begin(), text->end(), [](char x) { return static_cast<unsigned char>(x) < 0x20 || x == 0x7f; });
            if (!is_one_line) all.complain(value.at, h.name, "has a line break or another control character");
            if (is_secret_header(h.name))
                all.complain(
                    value.at, h.name,
                    fmt::format("looks like a secret: put it into a file ({}: {{file: /etc/steward/…}})", h.name));
            h.value = *text;
        }
        c.http.headers.push_back(std::move(h));
    }
}

void read_json(section& s, check& c, complaints& to) {
    const node* const n = s.take("json");
    if (!n) return;
    section in(n, s.path_of("json"), to);
    json_value v;
    const node* const pointer = in.text("pointer", v.pointer);
    if (pointer && !v.pointer.starts_with('/'))
        in.complain(pointer->at, "pointer", fmt::format("\"{}\" does not start with / (try /status/db)", v.pointer));
    const node* const equals = in.text("equals", v.equals);
    if (in.usable() && (!pointer || !equals) && n->keys.size() < 2)
        in.complain(in.at(), "takes pointer and equals (json: {pointer: /status, equals: ok})");
    in.finish();
    c.http.json = std::move(v);
}

void read_status(section& s, check& c) {
    std::vector<std::pair<int, int>> status;
    s.texts("status", [&](const std::string& text) -> result<void> {
        const auto parsed = parse_status_ranges(text);
        if (!parsed) return parsed.error();
        status.insert(status.end(), parsed->begin(), parsed->end());
        return {};
    });
    if (!status.empty()) c.status = status;
}

void read_tls(section& s, check& c, std::vector<named_file>& files) {
    const node* const ca = read_file(s, "ca_file", c.ca_file, false, files);
    const node* const insecure = s.boolean("insecure", c.insecure);
    if (ca && insecure && c.insecure) s.complain(insecure->at, "insecure", "contradicts ca_file: keep one of them");
    std::string sni;
    if (const node* const n = s.text("sni", sni)) {
        const auto name = parse_host(sni);
        if (!name || parse_ip(sni))
            s.complain(n->at, "sni", fmt::format("\"{}\" is not a host name", sni));
        else
            c.http.sni = sni;
    }
    const node* const certificate = read_file(s, "client_certificate", c.http.client_certificate, false, files);
    const node* const key = read_file(s, "client_key", c.http.client_key, true, files);
    if (certificate && !key) s.complain(certificate->at, "client_certificate", "client_key is missing beside it");
    if (key && !certificate) s.complain(key->at, "client_key", "client_certificate is missing beside it");
    s.time("certificate_expiry", c.http.certificate_expiry, {0s, 24h * 3650});
}

void read_http(section& s, check& c, complaints& to, std::vector<named_file>& files) {
    const std::vector<std::string_view> methods{"GET", "HEAD", "POST", "PUT", "OPTIONS"};
    std::size_t word = 0;
    if (s.choice("method", word, methods)) c.http.method = methods[word];
    const bool sends_body = c.http.method == "POST" || c.http.method == "PUT";
    read_headers(s, c, to, files);
    const node* const body = s.text("body", c.http.body);
    if (body && !sends_body)
        s.complain(body->at, "body", fmt::format("a {} request has none: set method to POST or PUT", c.http.method));
    const node* const contains = s.text("body_contains", c.http.body_contains);
    const node* const regex = s.text("body_regex", c.http.body_regex);
    if (regex) {
        const auto compiled = pattern::compile(c.http.body_regex);
        if (!compiled) s.complain(regex->at, "body_regex", compiled.error().detail);
    }
    read_json(s, c, to);
    if (c.http.method == "HEAD" && (contains || regex || c.http.json))
        s.complain((contains ? contains : regex ? regex : s.take("json"))->at, "the answer to HEAD has no body");
    word = 0;
    if (s.choice("redirects", word, {"off", "same-host"})) c.http.follows_same_host = word == 1;
    read_status(s, c);
    if (c.tls) read_tls(s, c, files);
}

// --- icmp, dns, exec ------------------------------------------------------------------------------------------------

void read_icmp(section& s, check& c) {
    s.number("size", c.icmp.size, {16, 9000});
    s.number("ttl", c.icmp.ttl, {1, 255});
    s.number("count", c.icmp.count, {1, 20});
}

void read_dns(section& s, check& c) {
    const node* const name = s.text("query", c.dns.query);
    if (!name && s.usable())
        s.complain(s.at(), "query", "is missing: the name that is asked for");
    else if (name && (!parse_host(c.dns.query) || parse_ip(c.dns.query)) && c.dns.query != ".")
        s.complain(name->at, "query", fmt::format("\"{}\" is not a name", c.dns.query));
    const std::vector<std::string_view> types{"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"};
    const std::vector<std::string_view> rcodes{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    std::size_t word = 0;
    if (s.choice("type", word, types)) c.dns.type = types[word];
    word = 0;
    if (s.choice("rcode", word, rcodes)) c.dns.rcode = rcodes[word];
    expectation e;
    const node* const answer = parsed_text(s, "answer", parse_expectation, e);
    if (!answer) return;
    if (c.dns.rcode != "NOERROR")
        s.complain(answer->at, "answer", fmt::format("there is none with rcode {}", c.dns.rcode));
    c.dns.answer = std::move(e);
}

void read_exec(section& s, check& c) {
    const node* const user = s.text("user", c.exec.user);
    const node* const group = s.text("group", c.exec.group);
    if (group && !user) s.complain(group->at, "group", "user is missing beside it");
}

}  // namespace

void read_rhythm(section& s, check& c) {
    s.time("interval", c.interval, {100ms, 24h});
    s.time("timeout", c.timeout, {10ms, 1h});
    s.number("rise", c.rise, {1, 100});
    s.number("fall", c.fall, {1, 100});
    s.time("start_period", c.start_period, {0s, 24h});
    duration retry = c.retry_every();
    if (s.time("retry_interval", retry, {100ms, 24h})) c.retry_interval = retry;
}

void check_rhythm(section& s, const node* n, const check& c) {
    const auto value_of = [&](std::string_view key) -> const node* {
        for (std::size_t i = 0; n && i < n->keys.size(); ++i)
            if (n->keys[i].text == key) return &n->values[i];
        return nullptr;
    };
    const node* const interval = value_of("interval");
    const node* const retry = value_of("retry_interval");
    if (c.retry_interval.value_or(c.interval) > c.interval && (retry || interval))
        s.complain(retry ? retry->at : interval->at, retry ? "retry_interval" : "interval",
                   fmt::format("retry_interval {} is longer than interval {}", format_duration(*c.retry_interval),
                               format_duration(c.interval)));
    if (c.timeout <= c.interval) return;
    const node* const timeout = value_of("timeout");
    if (!timeout && !interval) return;  // both inherited: `defaults` has been told
    const std::string text =
        fmt::format("timeout {} is longer than interval {}", format_duration(c.timeout), format_duration(c.interval));
    s.complain(timeout ? timeout->at : interval->at, timeout ? "timeout" : "interval", text);
}

std::optional<check> read_check(const node& n, const std::string& path, const inherited& defaults, complaints& to,
                                std::vector<named_file>& files, std::vector<parent_word>& parents) {
    section s(&n, path, to);
    check c = defaults.common;
    const bool usable = read_target(s, defaults.targets, c, files);
    s.text("name", c.name);
    name_misplaced(s, c, usable);
    if (usable) switch (c.kind) {
            case check_kind::tcp: read_tcp(s, c); break;
            case check_kind::http: read_http(s, c, to, files); break;
            case check_kind::icmp: read_icmp(s, c); break;
            case check_kind::dns: read_dns(s, c); break;
            case check_kind::exec: read_exec(s, c); break;
            case check_kind::pve:
            case check_kind::agent: break;
        }
    read_rhythm(s, c);
    check_rhythm(s, &n, c);
    read_parents(s, c.name, parents);
    s.finish();
    if (!usable) return std::nullopt;
    return c;
}

}  // namespace steward::config
