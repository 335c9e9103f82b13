#include "api/ledger_view.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace steward::api {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

fault no_ledger() { return {errc::unavailable, "", "this daemon keeps no ledger"}; }

}  // namespace

json::object ledger_view(const ledger_page& page) {
    json::array lines;
    for (const std::string& line : page.lines) {
        boost::system::error_code ec;
        json::value one = json::parse(line, ec);
        if (!ec) lines.push_back(std::move(one));
    }
    return json::object{{"decisions", std::move(lines)}, {"unreadable", page.unreadable}};
}

json::object ledger_check_view(const ledger_check& check) {
    json::object o;
    o["whole"] = check.broken.empty();
    o["lines"] = check.lines;
    o["files"] = check.files;
    o["first"] = check.first;
    o["last"] = check.last;
    o["anchor"] = check.anchor;
    o["head"] = check.head;
    o["broken"] = check.broken;
    o["note"] = check.note;
    return o;
}

asio::awaitable<result<json::object>> ledger_answer(ledger* book, ledger_query asked) {
    if (book == nullptr) co_return no_ledger();
    const auto page = co_await book->read(std::move(asked));
    // Nothing has been decided yet.
    if (!page && page.error().code != errc::not_found) co_return page.error();
    json::object view = ledger_view(page ? *page : ledger_page());
    view["problem"] = book->problem();
    co_return view;
}

asio::awaitable<result<json::object>> ledger_check_answer(ledger* book) {
    if (book == nullptr) co_return no_ledger();
    const auto check = co_await book->verify();
    if (!check) co_return check.error();
    co_return ledger_check_view(*check);
}

}  // namespace steward::api
