#include "observe/ledger_files.hpp"

#include "observe/ledger_line.hpp"
#include "runtime/atomic_file.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::ledger_files {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view prefix = "ledger-";
constexpr std::string_view suffix = ".jsonl";

/// Follows one file's lines; ends at the first that does not link.
class follower {
  public:
    /// False: it is broken there, and the check says so.
    bool take(const file& f, std::string_view text, bool is_last) {
        const lines all = split(text);
        for (std::size_t i = 0; i < all.whole.size(); ++i)
            if (!take_line(f, i + 1, all.whole[i])) return false;
        if (!all.torn.empty() && !is_last)
            return breaks(f, all.whole.size() + 1, "the line has no end, although another file follows");
        if (all.whole.empty() && !is_last) return breaks(f, 1, "the file is empty, although another one follows");
        if (!all.torn.empty())
            check.note = fmt::format(
                "{}:{}: {} bytes without line end: a line that is being written, or one that a "
                "crash has torn",
                f.path.string(), all.whole.size() + 1, all.torn.size());
        return true;
    }
    bool breaks(const file& f, std::size_t line, std::string_view why) {
        check.broken = fmt::format("{}:{}: {}", f.path.string(), line, why);
        return false;
    }

    ledger_check check;

  private:
    bool take_line(const file& f, std::size_t number, std::string_view line) {
        const auto parts = ledger_line::take_apart(line);
        if (!parts) return breaks(f, number, "is no line of a ledger");
        if (number == 1) {
            const std::string anchor = ledger_line::text_of(line, "anchor");
            if (ledger_line::text_of(line, "file") != std::to_string(f.number) || anchor.empty())
                return breaks(f, number, "does not say which file this is, and what it goes on from");
            if (check.lines == 0) check.anchor = check.head = anchor;
            if (check.lines == 0 && f.number == 1 && anchor != ledger_line::first_anchor())
                return breaks(f, number, "the first file of all goes on from something");
            if (anchor != check.head)
                return breaks(f, number,
                              "does not go on from the end of the file before it: lines are missing, or one "
                              "was changed");
        }
        if (!ledger_line::follows(*parts, check.head))
            return breaks(f, number,
                          "does not follow the line before it: one of the two was changed, or lines between "
                          "them are missing");
        if (check.lines != 0 && parts->sequence != check.last + 1)
            return breaks(f, number, fmt::format("has number {} behind number {}", parts->sequence, check.last));
        if (check.lines == 0) check.first = parts->sequence;
        check.last = parts->sequence;
        check.head = std::string(parts->hash);
        ++check.lines;
        return true;
    }
};

/// What has just been rotated away is not there any more, and that is fine.
bool has_gone(const result<std::string>& text) { return !text && text.error().code == errc::not_found; }

}  // namespace

std::string name_of(std::uint64_t number) { return fmt::format("{}{:08}{}", prefix, number, suffix); }

result<std::vector<file>> list(const fs::path& directory) {
    std::vector<file> all;
    std::error_code ec;
    for (fs::directory_iterator at(directory, ec), end; !ec && at != end; at.increment(ec)) {
        const std::string name = at->path().filename().string();
        if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size())
            continue;
        file f;
        f.path = at->path();
        const char* const end_of_number = name.data() + name.size() - suffix.size();
        const auto read = std::from_chars(name.data() + prefix.size(), end_of_number, f.number);
        // "ledger-1.jsonl" is somebody's copy: only the name that we would give counts.
        if (read.ec == std::errc() && read.ptr == end_of_number && name == name_of(f.number))
            all.push_back(std::move(f));
    }
    if (ec == std::errc::no_such_file_or_directory)
        return fault(errc::not_found, "", "there is no ledger in " + directory.string());
    if (ec) return fault(errc::io, "list " + directory.string(), ec);
    std::sort(all.begin(), all.end(), [](const file& a, const file& b) { return a.number < b.number; });
    return all;
}

lines split(std::string_view text) {
    lines out;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        out.whole.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    out.torn = text;
    return out;
}

result<ledger_page> read(const fs::path& directory, const ledger_query& asked) {
    const auto files = list(directory);
    if (!files) return files.error();
    ledger_page page;
    const std::string since = format_utc(asked.since);
    const std::string mark = "\"" + asked.about + "\"";
    for (auto f = files->rbegin(); f != files->rend() && page.lines.size() < asked.most; ++f) {
        const auto text = read_file(f->path, largest);
        if (has_gone(text)) break;
        if (!text) return text.error();
        const lines all = split(*text);
        for (auto line = all.whole.rbegin(); line != all.whole.rend() && page.lines.size() < asked.most; ++line) {
            if (!ledger_line::take_apart(*line)) {
                ++page.unreadable;
                continue;
            }
            const bool may_fit = asked.about.empty() || line->find(mark) != std::string_view::npos;
            if (may_fit && ledger_line::is_json_about(*line, asked.about, since)) page.lines.emplace_back(*line);
        }
        if (!all.whole.empty() && ledger_line::text_of(all.whole.front(), "when") < since) break;
    }
    std::reverse(page.lines.begin(), page.lines.end());
    return page;
}

result<ledger_check> verify(const fs::path& directory) {
    const auto files = list(directory);
    if (!files) return files.error();
    if (files->empty()) return fault(errc::not_found, "", "there is no ledger in " + directory.string());
    follower chain;
    std::uint64_t expected = 0;
    for (const file& f : *files) {
        const auto text = read_file(f.path, largest);
        if (has_gone(text) && chain.check.lines == 0) continue;
        if (!text) return text.error();
        ++chain.check.files;
        if (expected != 0 && f.number != expected) {
            (void)chain.breaks(f, 1, fmt::format("{} is missing before it", name_of(expected)));
            break;
        }
        expected = f.number + 1;
        if (!chain.take(f, *text, &f == &files->back())) break;
    }
    return std::move(chain.check);
}

}  // namespace steward::ledger_files
