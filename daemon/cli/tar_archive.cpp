#include "tar_archive.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace {

constexpr std::size_t block = 512;

void put(std::string& header, std::size_t at, std::string_view text) { header.replace(at, text.size(), text); }

std::string padding(std::size_t size) { return std::string((block - size % block) % block, '\0'); }

}  // namespace

void tar_archive::add(std::string_view name, std::string_view text) {
    // Offsets of pax(1), "ustar Interchange Format".
    std::string header(block, '\0');
    put(header, 0, name.substr(0, 99));
    put(header, 100, "0000600");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, 124, fmt::format("{:011o}", text.size()));
    put(header, 136, fmt::format("{:011o}", written_));
    put(header, 148, "        ");
    put(header, 156, "0");
    put(header, 257, std::string_view("ustar\00000", 8));
    put(header, 265, "root");
    put(header, 297, "root");
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(header, 148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    bytes_ += header;
    bytes_ += text;
    bytes_ += padding(text.size());
}

std::string tar_archive::finished() const { return bytes_ + std::string(2 * block, '\0'); }

}  // namespace steward::cli
