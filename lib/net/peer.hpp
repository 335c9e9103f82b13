#pragma once
#include "net/http_exchange.hpp"

struct ssl_st;  // OpenSSL's SSL

/// Private to the files of this room that own OpenSSL.
namespace steward::net {

/// What the handshake showed.
void describe_peer(ssl_st* connection, peer_facts& into);

}  // namespace steward::net
