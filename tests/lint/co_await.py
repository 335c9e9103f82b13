"""g++ 12.2 destroys some temporaries of a full expression with `co_await` twice (docs/adr/0001-two-compilers.md).

Flags statements that contain `co_await` together with `?:`, a lambda that captures by value, a brace initialiser, or
a second `co_await`. It does not know types, so it also flags some sound code: name the value first, which is always
right, or add `// co_await-lint: why this is sound` to one of the statement's lines.
"""
import re

import source

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.']*|::|->|&&|\|\||\[\[|\]\]|\S")
_WAIVER = re.compile(r"//\s*co_await-lint:\s*\S")
_HEADERS = {"if", "while", "for", "switch", "catch"}
_BLOCK_BEFORE = {")", "else", "do", "try", ";", "}", "const", "noexcept", "override", "final", "mutable", ":"}
_TYPE_WORDS = {"struct", "class", "enum", "union", "namespace", "extern"}
_OPERAND_END = re.compile(r"[\w)\]]")
# Trivial types: nothing is destroyed twice.
_HARMLESS = {"duration", "time_point", "int", "size_t", "seconds", "milliseconds", "minutes"}


class statement:
    def __init__(self):
        self.tokens = []  # (text, line)
        self.braces = []  # (line, type before it) of initialisers
        self.captures = []  # lines of lambdas that capture by value
        self.header_depth = None  # parentheses around an if/while/… condition
        self.lambda_open = False  # a lambda introducer whose body has not come yet


def _tokens(text):
    code = source.code_only(text)
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M)
    line, at = 1, 0
    for match in _TOKEN.finditer(code):
        line += code.count("\n", at, match.start())
        at = match.start()
        yield match.group(0), line


def _captures_by_value(inside):
    """Whether a capture list copies or moves anything but `this`."""
    depth, items = 0, [[]]
    for token in inside:
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(token, 0)
        if token == "," and depth == 0:
            items.append([])
        else:
            items[-1].append(token)
    return any(item and item[0] != "&" and item != ["this"] for item in items)


def statements(text):
    """Splits the text into statements. The body of a lambda is split on its own, outside the statement around it."""
    tokens = list(_tokens(text))
    stack = []  # what each open bracket is: "(", "[", "init", "block", or ("lambda", statement around it)
    current = statement()
    index = 0
    while index < len(tokens):
        token, line = tokens[index]
        before = current.tokens[-1][0] if current.tokens else ";"
        if token == "[":
            introducer = not _OPERAND_END.match(before[-1]) or before in ("return", "co_return", "co_await")
            binding = before == "auto" or (before in ("&", "&&") and len(current.tokens) > 1 and
                                           current.tokens[-2][0] == "auto")
            if introducer and not binding:
                depth, end = 1, index + 1
                while end < len(tokens) and depth:
                    depth += {"[": 1, "]": -1}.get(tokens[end][0], 0)
                    end += 1
                if _captures_by_value([t for t, _ in tokens[index + 1 : end - 1]]):
                    current.captures.append(line)
                current.tokens.append(("]", line))
                current.lambda_open = True
                index = end
                continue
        if token in ("(", "["):
            if token == "(" and (before in _HEADERS or before == "constexpr") and current.header_depth is None:
                current.header_depth = len(stack)
            stack.append(token)
        elif token in (")", "]"):
            if stack:
                stack.pop()
            if token == ")" and current.header_depth == len(stack):
                current.tokens.append((token, line))
                yield current
                # What follows the condition is a statement of its own, braces or not.
                current = statement()
                current.tokens.append((")", line))
                index += 1
                continue
        elif token == "{":
            words = {t for t, _ in current.tokens}
            if current.lambda_open and before not in ("=", ",", "("):
                current.lambda_open = False
                stack.append(("lambda", current))
                current = statement()
                index += 1
                continue
            in_expression = bool(stack) and stack[-1] in ("(", "[", "init")
            arrow = ")" in words and "->" in words and "=" not in words and "co_await" not in words
            block = not in_expression and (before in _BLOCK_BEFORE or bool(words & _TYPE_WORDS) or arrow)
            if block:
                yield current
                current = statement()
                stack.append("block")
                index += 1
                continue
            current.braces.append((line, before))
            stack.append("init")
        elif token == "}":
            opened = stack.pop() if stack else "block"
            if opened == "init":
                current.tokens.append((token, line))
                index += 1
                continue
            yield current
            current = opened[1] if isinstance(opened, tuple) else statement()
            if isinstance(opened, tuple):
                current.tokens.append((token, line))
            index += 1
            continue
        elif token == ";" and not (stack and stack[-1] in ("(", "[", "init")):
            yield current
            current = statement()
            index += 1
            continue
        current.tokens.append((token, line))
        index += 1
    yield current


def _has_ternary(tokens):
    """Whether there is a ?: that may be of class type; two plain literals are not."""
    words = " ".join(tokens)
    return "?" in re.sub(r"\? (?:\" \"|\d\S*|true|false) : (?:\" \"|\d\S*|true|false)(?= [,);])", "", words)


def check_text(path, text):
    lines = text.split("\n")
    for s in statements(text):
        awaits = [line for token, line in s.tokens if token == "co_await"]
        if not awaits:
            continue
        first, last = s.tokens[0][1], s.tokens[-1][1]
        if any(_WAIVER.search(line) for line in lines[first - 1 : last]):
            continue
        here = f"{path}:{awaits[0]}"
        if len(awaits) > 1:
            yield f"{here}: two co_await in one statement"
        if _has_ternary([token for token, _ in s.tokens] + [";"]):
            yield f"{here}: ?: in a statement with co_await: use if/else or name the value first"
        if s.captures:
            yield f"{here}: a lambda that captures by value in a statement with co_await: name the lambda and std::move it"
        if any(before not in _HARMLESS for _, before in s.braces):
            yield f"{here}: a brace initialiser in a statement with co_await: name the value first"


def check(root):
    for path in source.cpp_files(root, "lib", "daemon", "tests"):
        yield from check_text(path, source.read(root, path))


def self_test():
    bad = [
        "co_await f([s] { g(s); });",
        "co_await asio::co_spawn(ex, [s]() -> asio::awaitable<void> { co_return; }, asio::use_awaitable);",
        "co_await f([&, n = std::move(n)] { g(n); });",
        "auto x = co_await f(opts{1, \"a\"});",
        "auto x = co_await f({1, 2});",
        "const auto x = co_await f(opts{});",
        "auto x = pair{1, co_await f()};",
        "return_type x{co_await f()};",
        "co_await f(std::array<std::string, 2>{\"a\", \"b\"});",
        "auto x = a ? co_await f() : g();",
        "co_await f(a ? b : c);",
        "g(co_await f(), co_await h());",
        "co_await f(a ? \"one\"s : \"two\"s);",
        "co_await f(a ? \"one\" : b);",
        "co_await f(a ? 1 : 2, a ? b : c);",
        "if (co_await f(opts{1})) { g(); }",
        "const result<int> x = co_await client.send(\n    a,\n    b ? c : d);",
        "auto g = [&]() -> asio::awaitable<void> { co_await f(opts{1}); };",
        "switch (co_await f(a ? b : c)) { case 1: break; }",
        "co_return co_await f({a});",
        "// co_await-lint:\nco_await f({a});",
    ]
    good = [
        "co_await f(a, b);",
        "const opts o{1, 2}; co_await f(o);",
        "if (ready) { const auto x = co_await f(a); g(x ? 1 : 2); }",
        "if (a ? b : c) co_await f();",
        "if (a) co_await f(); else co_await g();",
        "for (auto& x : y) { co_await f(x); } auto z = opts{1};",
        "struct s { int a{1}; }; asio::awaitable<void> f() { co_await g(); }",
        "asio::awaitable<void> a::f() { const auto x = t{1}; co_await g(std::move(x)); co_return; }",
        "co_await f([&] { return g{1}; });",
        "co_await f([this, &x] { return x ? 1 : 2; });",
        "auto [a, b] = co_await f();",
        "auto& [a, b] = x; co_await f(rows[i]);",
        "REQUIRE(co_await f() == 3);",
        "auto g = [s, t{1}]() -> asio::awaitable<void> { co_await f(); };",
        "const auto x = g([s] { h(); }); co_await f(\"{?\");",
        "co_await f(); // what? {a}",
        "co_await f(a ? b : c);  // co_await-lint: integers, nothing to destroy",
        "co_await f(a, b.c == d ? \"one\" : \"two\");",
        "const int x = co_await f(a ? 1 : 2);",
        "try { co_await f(); } catch (const e& x) { g(opts{1}); }",
        "co_await time.sleep_for(duration{5});",
        "asio::awaitable<int> f(int a) { co_return co_await g(a); }\nint h() { return a ? b : c; }",
        "class c { public: c() : a_{1}, b_(2) {} awaitable<void> f() { co_await g(); } int a_ = 0; opts b_{1}; };",
        "while (co_await f()) { x = opts{1}; }",
        "auto f(int a) -> asio::awaitable<void> { auto x = opts{1}; co_await g(std::move(x)); }",
        "using x = std::array<int, 3>; constexpr x y{{1, 2, 3}}; void f() { g({1}); }",
        "static asio::awaitable<void> f() { for (;;) { const int n = co_await r(); v.push_back({n}); } }",
    ]
    for text in bad:
        if not list(check_text("sample", text)):
            yield f"not found: {text}"
    for text in good:
        found = list(check_text("sample", text))
        if found:
            yield f"false alarm: {text}: {found}"


if __name__ == "__main__":
    source.finish("co_await", self_test, check)
