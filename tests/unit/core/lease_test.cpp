#include "core/lease/enquiry.hpp"
#include "core/lease/node_lease.hpp"
#include "core/lease/votes.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using lease::node_lease;

namespace {

const guest_id ct102{guest_type::ct, vmid(102)};
const node_name n1("n1");
const node_name n2("n2");
const node_name n3("n3");
const std::vector<node_name> all = {n1, n2, n3};
const time_point start{1000s};

node_lease lease_of(const node_name& node, std::uint64_t renewals) {
    node_lease l;
    l.node = node;
    l.boot_id = "b1";
    l.renewals = renewals;
    l.promise = lease::contract::watchdog;
    l.config_digest = "d";
    return l;
}

health::summary seen(health::standing s) { return {s, "why"}; }

}  // namespace

TEST_CASE("a lease survives being written and read, and what is none is refused") {
    node_lease l = lease_of(n2, 7);
    l.down = {ct102};
    l.is_fit = false;
    l.leaving = lease::departure::reboot;
    const auto back = lease::parse_node_lease(to_text(l));
    REQUIRE(back);
    CHECK(back->node == n2);
    CHECK(back->renewals == 7);
    CHECK(back->promise == lease::contract::watchdog);
    CHECK(back->down == l.down);
    CHECK(back->leaving == lease::departure::reboot);
    CHECK_FALSE(back->is_fit);

    for (const char* bad :
         {"", "{}", "node=n1\n", "node=../x\nboot=b\nrenewals=1\ncontract=none\n",
          "node=n1\nboot=b\nrenewals=1\ncontract=maybe\n", "node=n1\nboot=b\nrenewals=x\ncontract=none\n",
          "node=n1\nboot=b\nrenewals=1\ncontract=none\nleaving=soon\n", "node=n1\nboot=b\nrenewals=1\ncontract=none",
          "node=n1\nboot=b\nrenewals=1\ncontract=none\ndown=1\n"}) {
        INFO(bad);
        CHECK_FALSE(lease::parse_node_lease(bad));
    }
    CHECK_FALSE(lease::parse_node_lease(std::string(5000, ' ')));
}

TEST_CASE("every word of a lease is read, and nothing is made up for one that is missing") {
    const std::string whole = "node=n1\nboot=b\nrenewals=3\ncontract=watchdog\n";
    const auto plain = lease::parse_node_lease(whole);
    REQUIRE(plain);
    CHECK_FALSE(plain->is_fit);  // who does not say so is not
    const auto all = lease::parse_node_lease(
        whole + "leaving=none\nconfig=d1\nleads=7\nfit=1\ndown=ct/102\nunsure=vm/103\nlater=what\n");
    REQUIRE(all);
    CHECK(all->config_digest == "d1");
    CHECK(all->leads == 7);
    CHECK(all->is_fit);
    CHECK(all->down == std::vector<guest_id>{ct102});
    CHECK(all->unsure == std::vector<guest_id>{guest_id(guest_type::vm, vmid(103))});

    for (const char* without : {"node=n1\n", "boot=b\n", "renewals=3\n", "contract=watchdog\n"}) {
        INFO(without);
        std::string rest = whole;
        rest.erase(rest.find(without), std::string(without).size());
        CHECK_FALSE(lease::parse_node_lease(rest));
    }
    CHECK_FALSE(lease::parse_node_lease("node=n1\nboot=\nrenewals=3\ncontract=watchdog\n"));
    CHECK_FALSE(lease::parse_node_lease(whole + "leads=x\n"));
    CHECK_FALSE(lease::parse_node_lease(whole + "unsure=x\n"));
    CHECK(lease::parse_node_lease(whole + "config=" + std::string(128, 'd') + "\n"));
    CHECK_FALSE(lease::parse_node_lease(whole + "config=" + std::string(129, 'd') + "\n"));
    node_lease many = lease_of(n1, 1);
    for (std::uint32_t i = 100; i < 150; ++i) many.down.emplace_back(guest_type::ct, vmid(i));
    many.unsure = many.down;
    const auto back = lease::parse_node_lease(to_text(many));
    REQUIRE(back);
    CHECK(back->down == many.down);
    CHECK(back->unsure == many.unsure);
}

TEST_CASE("what a daemon said is repeated while it is fresh; afterwards only which configuration it had") {
    daemon_words words;
    words.config_digest = "d1";
    words.leads = 7;
    words.is_fit = true;
    words.down = {ct102};
    words.unsure = {guest_id(guest_type::vm, vmid(103))};
    node_lease fresh = lease_of(n1, 1);
    lease::add_words(fresh, words, true);
    CHECK(fresh.config_digest == "d1");
    CHECK(fresh.leads == 7);
    CHECK(fresh.is_fit);
    CHECK(fresh.down == words.down);
    CHECK(fresh.unsure == words.unsure);
    node_lease old = lease_of(n1, 1);
    lease::add_words(old, words, false);
    CHECK(old.config_digest == "d1");
    CHECK(old.leads == 0);
    CHECK_FALSE(old.is_fit);
    CHECK(old.down.empty());
    words.is_fit = false;
    lease::add_words(fresh, words, true);
    CHECK_FALSE(fresh.is_fit);
}

TEST_CASE("an observer that sees more down than fits into a lease has no vote on any of it") {
    node_lease l = lease_of(n2, 1);
    for (std::uint32_t i = 100; i < 1100; ++i) l.down.emplace_back(guest_type::ct, vmid(i));
    const auto back = lease::parse_node_lease(to_text(l));
    REQUIRE(back);
    CHECK_FALSE(back->is_fit);
    CHECK(back->down.empty());
}

TEST_CASE("a lease fits exactly, and not a byte more") {
    node_lease l = lease_of(n2, 1);
    for (std::uint32_t i = 100; to_text(l).size() < 4000; ++i) l.down.emplace_back(guest_type::ct, vmid(i));
    l.boot_id += std::string(4096 - to_text(l).size(), 'b');
    const std::string full = to_text(l);
    REQUIRE(full.size() == 4096);
    const auto back = lease::parse_node_lease(full);
    REQUIRE(back);
    CHECK(back->down == l.down);
    CHECK_FALSE(lease::parse_node_lease(full + "more=1\n"));
    l.boot_id += 'b';
    const auto cut = lease::parse_node_lease(to_text(l));
    REQUIRE(cut);
    CHECK(cut->down.empty());
    CHECK_FALSE(cut->is_fit);
}

TEST_CASE("silence counts from the last change that this observer saw, by its own clock") {
    lease::lease_watch watch;
    CHECK_FALSE(watch.silence(n2, start));
    watch.observe(lease_of(n2, 1), start);
    watch.observe(lease_of(n2, 1), start + 20s);  // the same one again
    CHECK(watch.silence(n2, start + 30s) == 30s);
    CHECK_FALSE(watch.has_changed(n2));
    watch.observe(lease_of(n2, 2), start + 40s);
    CHECK(watch.silence(n2, start + 45s) == 5s);
    CHECK(watch.has_changed(n2));

    SECTION("another boot is a sign of life even with the same count") {
        node_lease again = lease_of(n2, 2);
        again.boot_id = "b2";
        watch.observe(again, start + 100s);
        CHECK(watch.silence(n2, start + 100s) == 0s);
    }
    SECTION("after a pause of the observer all counts begin anew") {
        watch.start_again(start + 400s);
        CHECK(watch.silence(n2, start + 410s) == 10s);
    }
}

TEST_CASE("a guest is down when most observers say so, and nobody's word alone is enough") {
    using health::standing;
    enum vote { up, down, unsure, silent, gone, none, unfit, other_config };
    struct row {
        const char* name;
        standing own;
        vote second;
        vote third;
        standing expected;
        bool is_path_problem;  // home is n2
    };
    const row rows[] = {
        {"all see it up", standing::up, up, up, standing::up, false},
        {"only we do not", standing::down, up, up, standing::suspicious, false},
        {"we and its own node", standing::down, down, up, standing::down, false},
        {"the others and not we", standing::up, down, down, standing::down, false},
        {"we and a third, but its own node sees it up", standing::down, up, down, standing::down, true},
        {"one other never had a lease: two of two", standing::down, none, down, standing::down, false},
        {"none of the others ever had one", standing::down, none, none, standing::suspicious, false},
        {"one other is silent: two of three", standing::down, silent, down, standing::down, false},
        {"both others are silent", standing::down, silent, silent, standing::suspicious, false},
        {"one other is out of the cluster: two of two", standing::down, gone, down, standing::down, false},
        {"and the last one is silent", standing::down, gone, silent, standing::suspicious, false},
        {"and the last one never had a lease", standing::down, gone, none, standing::suspicious, false},
        {"both others are out of the cluster: we are all there is", standing::down, gone, gone, standing::down, false},
        {"an observer that distrusts itself says nothing", standing::down, unfit, up, standing::suspicious, false},
        {"one with another configuration says nothing", standing::down, other_config, up, standing::suspicious, false},
        {"an observer that cannot tell is not one that says down", standing::down, unsure, up, standing::suspicious,
         false},
        {"we cannot tell", standing::unknown, up, up, standing::unknown, false},
    };
    for (const row& r : rows) {
        INFO(r.name);
        lease::lease_watch watch;
        lease::observers who(n1, all, watch, "d");
        const auto cast = [&](const node_name& node, vote v) {
            if (v == none) return;
            if (v == gone) who.gone.insert(node);
            node_lease l = lease_of(node, 1);
            if (v == down) l.down = {ct102};
            if (v == unsure) l.unsure = {ct102};
            if (v == unfit) l.is_fit = false;
            if (v == other_config) l.config_digest = "e";
            watch.observe(l, v == silent || v == gone ? start - 45s : start);
        };
        cast(n2, r.second);
        cast(n3, r.third);
        const auto got = lease::opinion_of(ct102, seen(r.own), n2, who, start + 10s);
        CHECK(got.all.now == r.expected);
        CHECK(got.path_problem.empty() != r.is_path_problem);
    }
}

TEST_CASE("half of the voters are not most of them, and each is named once") {
    using health::standing;
    lease::lease_watch watch;
    const lease::observers three(n1, all, watch, "d");
    node_lease second = lease_of(n2, 1);
    watch.observe(second, start);
    // One of two.
    const auto tie = lease::opinion_of(ct102, seen(standing::down), n2, three, start + 1s);
    CHECK(tie.all.now == standing::suspicious);
    CHECK(tie.all.reason == "only n1 find it down; n2 finds it up: why");
    second.renewals = 2;
    second.down = {ct102};
    watch.observe(second, start);
    watch.observe(lease_of(n3, 1), start);
    // Our own lease is not counted beside our own opinion.
    node_lease own = lease_of(n1, 1);
    own.down = {ct102};
    watch.observe(own, start);
    const auto most = lease::opinion_of(ct102, seen(standing::down), n2, three, start + 1s);
    CHECK(most.all.now == standing::down);
    CHECK(most.all.reason == "n1, n2 find it down: why");
    // Alone, what we see is what there is.
    const std::vector<node_name> one = {n1};
    const lease::observers us(n1, one, watch, "d");
    const auto alone = lease::opinion_of(ct102, seen(standing::down), n2, us, start + 1s);
    CHECK(alone.all.now == standing::down);
    CHECK(alone.all.reason == "why");
}

TEST_CASE("who alone finds a guest down says who else looked, and whether anybody contradicts") {
    using health::standing;
    struct row {
        const char* name;
        void (*change)(node_lease& second);
        const char* alone;
        bool is_contradicted;
    };
    const row rows[] = {
        {"finds it up", [](node_lease&) {}, "only n1 find it down; n2 finds it up: why", true},
        {"cannot say", [](node_lease& l) { l.unsure = {ct102}; }, "only n1 find it down; n2 cannot say: why", false},
        {"distrusts itself", [](node_lease& l) { l.is_fit = false; }, "only n1 find it down; n2 cannot say: why",
         false},
        {"has not looked since it was asked", [](node_lease& l) { l.down = {ct102}; },
         "only n1 find it down; n2 cannot say: why", false},
        {"has answered an earlier question",
         [](node_lease& l) {
             l.down = {ct102};
             l.answers = {7, 2};
         },
         "only n1 find it down; n2 cannot say: why", false},
        {"has answered another leader",
         [](node_lease& l) {
             l.down = {ct102};
             l.answers = {6, 9};
         },
         "only n1 find it down; n2 cannot say: why", false},
        {"has looked, and finds it down",
         [](node_lease& l) {
             l.down = {ct102};
             l.answers = {7, 3};
         },
         "", false},
        {"has answered a later question",
         [](node_lease& l) {
             l.down = {ct102};
             l.answers = {7, 4};
         },
         "", false},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            lease::lease_watch watch;
            node_lease second = lease_of(n2, 1);
            r.change(second);
            watch.observe(second, start);
            lease::observers who(n1, all, watch, "d");
            who.asked = question{7, 3};
            const auto got = lease::opinion_of(ct102, seen(standing::down), n2, who, start + 1s);
            CHECK(got.alone == r.alone);
            CHECK(got.is_contradicted == r.is_contradicted);
            CHECK(got.all.now == (*r.alone == 0 ? standing::down : standing::suspicious));
            // Who does not find it down itself has nothing to be alone with.
            CHECK(lease::opinion_of(ct102, seen(standing::up), n2, who, start + 1s).alone.empty());
        }
    }
    lease::lease_watch nobody;
    const lease::observers who(n1, all, nobody, "d");
    CHECK(lease::opinion_of(ct102, seen(standing::down), n2, who, start).alone ==
          "only n1 find it down; no other daemon watches it: why");
}

TEST_CASE("a new guest in doubt makes a new question, one that is no longer in doubt makes none") {
    const guest_id vm103{guest_type::vm, vmid(103)};
    lease::enquiry asks;
    asks.ask(7, {});
    CHECK(asks.current() == question{7, 0});
    asks.ask(7, {ct102});
    CHECK(asks.current() == question{7, 1});
    asks.ask(7, {ct102});
    CHECK(asks.current() == question{7, 1});
    asks.ask(7, {ct102, vm103});
    CHECK(asks.current() == question{7, 2});
    CHECK(asks.first_asked(ct102) == question{7, 1});
    CHECK(asks.first_asked(vm103) == question{7, 2});
    asks.ask(7, {vm103});
    CHECK(asks.current() == question{7, 2});
    CHECK(asks.asked() == std::vector<guest_id>{vm103});
    CHECK_FALSE(asks.first_asked(ct102));
    asks.ask(7, {ct102, vm103});
    CHECK(asks.first_asked(ct102) == question{7, 3});
    // Another life begins with nothing.
    asks.ask(8, {vm103});
    CHECK(asks.first_asked(vm103) == question{8, 1});
    asks.end();
    CHECK(asks.asked().empty());
    CHECK(asks.current() == question());
    std::vector<guest_id> many;
    for (std::uint32_t i = 100; i < 300; ++i) many.emplace_back(guest_type::ct, vmid(i));
    CHECK(asks.next(9) == question{9, 1});
    asks.ask(9, {vm103});
    CHECK(asks.next(9) == question{9, 2});
    CHECK(asks.next(10) == question{10, 1});
    asks.ask(9, many);
    CHECK(asks.asked().size() == lease::enquiry::most);
    CHECK_FALSE(asks.next(9));
}

TEST_CASE("questions and answers survive being said to the guard and written into a lease") {
    daemon_words words;
    words.is_fit = true;
    words.asks = {7, 3};
    words.asked = {ct102};
    words.answers = {6, 12};
    const auto heard = parse_daemon_words(to_text(words));
    REQUIRE(heard);
    CHECK(*heard == words);
    node_lease l = lease_of(n1, 1);
    lease::add_words(l, words, true);
    const auto read = lease::parse_node_lease(to_text(l));
    REQUIRE(read);
    CHECK(read->asks == words.asks);
    CHECK(read->asked == words.asked);
    CHECK(read->answers == words.answers);
    node_lease old = lease_of(n1, 1);
    lease::add_words(old, words, false);
    CHECK(old.asks == question());
    CHECK(old.answers == question());
    // What does not fit is not asked: nobody shall say that he has looked.
    for (std::uint32_t i = 100; i < 1100; ++i) words.down.emplace_back(guest_type::ct, vmid(i));
    const auto cut = parse_daemon_words(to_text(words));
    REQUIRE(cut);
    CHECK(cut->asks == question());
    CHECK(cut->asked.empty());
    for (const char* wrong : {"", "7", "7.", ".3", "7.3.1", "7,3", "-1.3", "a.b"}) {
        INFO(wrong);
        CHECK_FALSE(parse_question(wrong));
        CHECK_FALSE(
            lease::parse_node_lease(std::string("node=n1\nboot=b\nrenewals=3\ncontract=none\nasks=") + wrong + "\n"));
    }
    // A lease from before there were questions.
    const auto earlier = lease::parse_node_lease("node=n1\nboot=b\nrenewals=3\ncontract=none\n");
    REQUIRE(earlier);
    CHECK(earlier->answers == question());
}

TEST_CASE("an observer that has no say is no witness either") {
    lease::lease_watch watch;
    node_lease l = lease_of(n2, 1);
    l.is_fit = false;
    watch.observe(l, start);
    CHECK_FALSE(lease::is_seen_alive(ct102, n3, lease::observers(n1, all, watch, "d"), start + 1s));
    l = lease_of(n2, 2);
    watch.observe(l, start);
    CHECK(lease::is_seen_alive(ct102, n3, lease::observers(n1, all, watch, "d"), start + 1s));
    CHECK_FALSE(lease::is_seen_alive(ct102, n3, lease::observers(n1, all, watch, "another"), start + 1s));
}

TEST_CASE("a lease that was not renewed for 45 s is no vote") {
    lease::lease_watch watch;
    watch.observe(lease_of(n2, 1), start);
    CHECK(lease::is_seen_alive(ct102, n3, lease::observers(n1, all, watch, "d"), start + 44s));
    CHECK_FALSE(lease::is_seen_alive(ct102, n3, lease::observers(n1, all, watch, "d"), start + 45s));
    // Its own node's word is no sign of life: that is what cannot be reached.
    CHECK_FALSE(lease::is_seen_alive(ct102, n2, lease::observers(n1, all, watch, "d"), start + 1s));
}
