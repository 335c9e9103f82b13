#pragma once
#include "net/http.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

/// Private to the files of this room that own OpenSSL.
namespace steward::net {

using tls_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

/// "AB:CD:…" of a certificate in OpenSSL's hands.
[[nodiscard]] std::string fingerprint_of(X509* certificate);

}  // namespace steward::net
