"""What the lints share: finding sources, blanking comments and strings, reporting."""
import pathlib
import re
import sys

_PIECES = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<char>(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+')""",
    re.S | re.X,
)


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text, keep_strings=False):
    """The text with comments (and the insides of strings) blanked; lines and columns stay where they were."""

    def blank(match):
        whole = match.group(0)
        if match.group("comment"):
            return _spaces(whole)
        if keep_strings:
            return whole
        return whole[0] + _spaces(whole[1:-1]) + whole[-1]

    return _PIECES.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def cpp_files(root, *folders):
    """Sources below `root`, as paths relative to it."""
    root = pathlib.Path(root)
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp", ".h") and path.is_file():
                yield path.relative_to(root)


def read(root, path):
    return (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace")


def finish(name, self_test, check):
    """Runs the lint's own samples, then the lint over the tree given as the only argument; exits 1 on any finding."""
    problems = [f"self-test: {line}" for line in self_test()]
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    if not problems:
        problems = list(check(root))
    for line in problems:
        print(f"{name}: {line}")
    print(f"{name}: {len(problems)} finding(s)")
    sys.exit(1 if problems else 0)
