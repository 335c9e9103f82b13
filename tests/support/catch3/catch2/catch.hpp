#pragma once
// Debian 13 has Catch2 3, whose headers are called differently; the tests are written for 2.13 of Debian 12.
#include <catch2/catch_all.hpp>
