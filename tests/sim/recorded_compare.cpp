#include "sim/recorded_compare.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <regex>
#include <set>

namespace steward::sim::recorded {

namespace json = boost::json;

namespace {

/// What a machine measures or draws: the value of another machine says nothing.
const std::set<std::string>& measured_keys() {
    static const std::set<std::string> keys = {
        "pid",      "pstart",       "starttime", "endtime",   "uptime",    "cpu",      "mem",     "disk",
        "netin",    "netout",       "diskread",  "diskwrite", "maxdisk",   "digest",   "upid",    "ctime",
        "size",     "used",         "avail",     "total",     "timestamp", "ticket",   "value",   "CSRFPreventionToken",
        "maxmem",   "maxcpu",       "uid",       "vmgenid",   "smbios1",   "snaptime", "freemem", "ssl_fingerprint",
        "next-run", "used_fraction"};
    return keys;
}

class comparison {
  public:
    explicit comparison(const std::vector<std::string>& more) : volatile_(measured_keys()) {
        volatile_.insert(more.begin(), more.end());
    }

    std::string values(const std::string& where, const json::value& r, const json::value& a, bool by_type) const {
        if (r.is_number() && a.is_number()) return by_type || r == a ? "" : differ(where, r, a);
        if (r.kind() != a.kind()) return differ(where, r, a);
        if (r.is_object()) return objects(where, r.get_object(), a.get_object(), by_type);
        if (r.is_array()) return arrays(where, r.get_array(), a.get_array(), by_type);
        if (r.is_string() && without_dates(r.get_string()) == without_dates(a.get_string())) return "";
        return by_type || r == a ? "" : differ(where, r, a);
    }

  private:
    /// "pve1 (active, Fri Nov 20 20:02:58 2026)" without the moment, which is measured.
    static std::string without_dates(const json::string& text) {
        static const std::regex date("[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}");
        return std::regex_replace(std::string(text), date, "DATE");
    }

    static std::string differ(const std::string& where, const json::value& r, const json::value& a) {
        return fmt::format("{}: recorded {}, now {}", where.empty() ? "body" : where, json::serialize(r),
                           json::serialize(a));
    }

    std::string objects(const std::string& where, const json::object& r, const json::object& a, bool by_type) const {
        for (const auto& [key, value] : r) {
            const std::string here = where + "." + std::string(key);
            const auto found = a.find(key);
            if (found == a.end()) return here + " is missing";
            if (key == "content" && value.is_string() && found->value().is_string() &&
                sorted(value.get_string()) == sorted(found->value().get_string()))
                continue;
            // `total` of a paged list is beside `data`, not below it, and counts.
            const bool is_measured = volatile_.count(std::string(key)) != 0 && !where.empty();
            if (std::string diff = values(here, value, found->value(), by_type || is_measured); !diff.empty())
                return diff;
        }
        for (const auto& [key, value] : a)
            if (r.find(key) == r.end()) return where + "." + std::string(key) + " was not recorded";
        return {};
    }

    /// "iso,backup" and "backup,iso" are the same: PVE's order comes out of a hash.
    static std::vector<std::string> sorted(std::string_view list) {
        std::vector<std::string> words;
        for (std::size_t at = 0; at <= list.size();) {
            const std::size_t end = std::min(list.find(',', at), list.size());
            words.emplace_back(list.substr(at, end - at));
            at = end + 1;
        }
        std::sort(words.begin(), words.end());
        return words;
    }

    /// Each row looks like one of the recorded ones; how many there are is another cluster's history.
    std::string like_one_of(const std::string& where, const json::array& r, const json::array& a) const {
        if (a.empty() && !r.empty()) return where + " is empty";
        for (const json::value& row : a) {
            std::string nearest = where + " has a row that was never recorded";
            for (const json::value& known : r) {
                std::string diff = values(where + "[]", known, row, true);
                if (diff.empty()) {
                    nearest.clear();
                    break;
                }
                nearest = std::move(diff);
            }
            if (!nearest.empty()) return nearest;
        }
        return {};
    }

    /// Lists in any order: PVE's come out of hashes.
    std::string arrays(const std::string& where, const json::array& r, const json::array& a, bool by_type) const {
        if (volatile_.count("data[]") != 0 && where == ".data") return like_one_of(where, r, a);
        if (r.size() != a.size())
            return fmt::format("{}: recorded {} rows, now {}: {}", where, r.size(), a.size(), json::serialize(a));
        std::vector<bool> taken(a.size());
        for (std::size_t i = 0; i < r.size(); ++i) {
            std::string nearest;
            bool matched = false;
            for (std::size_t step = 0; step < a.size() && !matched; ++step) {
                const std::size_t k = (i + step) % a.size();
                if (taken[k]) continue;
                std::string diff = values(fmt::format("{}[{}]", where, i), r[i], a[k], by_type);
                matched = diff.empty();
                if (matched) taken[k] = true;
                if (nearest.empty()) nearest = std::move(diff);
            }
            if (!matched) return nearest;
        }
        return {};
    }

    std::set<std::string> volatile_;
};

}  // namespace

std::string difference(const json::value& recorded, const json::value& actual,
                       const std::vector<std::string>& more_volatile_keys) {
    return comparison(more_volatile_keys).values("", recorded, actual, false);
}

}  // namespace steward::sim::recorded
