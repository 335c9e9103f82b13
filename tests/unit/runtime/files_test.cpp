#include "runtime/atomic_file.hpp"
#include "runtime/single_instance.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

using namespace steward;

TEST_CASE("an atomic write replaces the whole file and leaves no temporary") {
    const temporary_directory dir;
    const auto path = dir.path() / "record.json";
    REQUIRE(write_file_atomically(path, "one"));
    REQUIRE(write_file_atomically(path, "two"));
    CHECK(*read_file(path, 100) == "two");
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
    CHECK(read_file(path, 2).error().code == errc::invalid);
    CHECK(read_file(dir.path() / "none", 2).error().code == errc::not_found);
    CHECK_FALSE(write_file_atomically(dir.path() / "no" / "such" / "place", "x"));
}

TEST_CASE("a secret that others may read is refused") {
    const temporary_directory dir;
    const auto path = dir.path() / "token";
    REQUIRE(write_file_atomically(path, "svc@pve!id=secret\n"));
    CHECK(*read_secret_file(path) == "svc@pve!id=secret");
    std::filesystem::permissions(path, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
    const auto refused = read_secret_file(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().detail.find("chmod 600") != std::string::npos);
}

TEST_CASE("a second instance is told who holds the lock") {
    const temporary_directory dir;
    const auto first = single_instance::acquire(dir.path() / "lock");
    REQUIRE(first);
    const auto second = single_instance::acquire(dir.path() / "lock");
    REQUIRE_FALSE(second);
    CHECK(second.error().code == errc::exists);
    CHECK(second.error().detail.find(std::to_string(::getpid())) != std::string::npos);
}
