// Beast and Asio's TLS, compiled once for the whole program (style §7).
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
