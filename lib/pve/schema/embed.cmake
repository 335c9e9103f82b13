# cmake -DIN=facts -DOUT=cpp -DNAMESPACE=a::b -DNAME=identifier -P embed.cmake: a text file as a constant of the library.
file(READ "${IN}" TEXT)
file(WRITE "${OUT}" "#include <string_view>
namespace steward::${NAMESPACE} {
extern const std::string_view ${NAME};
const std::string_view ${NAME} = R\"text(${TEXT})text\";
}
")
