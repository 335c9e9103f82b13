#pragma once
#include "small_cluster.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>
#include <string>

namespace steward::sim {

/// Somebody with a ticket, as the web interface is.
class session {
  public:
    session(cluster& model, std::string userid) : model_(model), user_(std::move(userid)) { renew(); }

    void renew() {
        ticket = model_.access().make_ticket(user_, model_.wall_now());
        csrf = model_.access().make_csrf(user_, model_.wall_now());
    }

    api::reply ask(const std::string& line, api::parameters params = {}) const {
        const std::size_t blank = line.find(' ');
        api::request what(node_name("n1"), line.substr(0, blank), line.substr(blank + 1));
        what.params = std::move(params);
        what.who.cookie = "PVEAuthCookie=" + ticket;
        what.who.csrf = csrf;
        api::reply answer = api::handle(model_, what);
        while (answer.what_happens == api::reply::fate::again) {
            model_.advance_to(model_.now() + answer.delay);
            answer = api::handle(model_, what);
        }
        return answer;
    }

    std::string ticket;
    std::string csrf;

  private:
    cluster& model_;
    std::string user_;
};

/// The message of an error without its newline, or the texts by parameter; "" for a success.
inline std::string complaint_of(const api::reply& r) {
    if (r.status == 200) return {};
    const boost::json::value body = boost::json::parse(r.body);
    if (body.as_object().contains("errors")) return boost::json::serialize(body.at("errors"));
    std::string text(body.at("message").as_string());
    text.pop_back();
    return text;
}

}  // namespace steward::sim
