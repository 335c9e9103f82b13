"""Links in the documentation lead somewhere, and every configuration key is in the reference."""
import pathlib
import re
import tempfile
import urllib.parse

import source

REFERENCE = "docs/configuration.md"
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)


def _anchor(heading):
    """GitHub's rule: lower case, punctuation dropped, spaces become dashes."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def check_links(root, path):
    text = _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), source.read(root, path))
    for match in _LINK.finditer(text):
        target = urllib.parse.unquote(match.group(1))
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        file, _, anchor = target.partition("#")
        where = f"{path}:{source.line_of(text, match.start())}"
        there = (pathlib.Path(root) / path.parent / file).resolve() if file else pathlib.Path(root) / path
        if not there.exists():
            yield f"{where}: {target} does not exist"
        elif anchor and there.suffix == ".md":
            body = _FENCE.sub("", there.read_text(encoding="utf-8"))
            if anchor not in {_anchor(h) for h in _HEADING.findall(body)}:
                yield f"{where}: {target}: no such heading"


# Every key is read through a section (lib/config/section.hpp) called `s`.
KEY_CALL = r'\b(?:s\.[a-z_]+\(|read_[a-z]+\(s,)\s*"([a-z][a-z0-9_]*)"'


def configuration_keys(text):
    return set(re.findall(KEY_CALL, source.code_only(text, keep_strings=True)))


def check_keys(reference, sources):
    for path, text in sources:
        for key in sorted(configuration_keys(text)):
            if not re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", reference):
                yield f"{path}: configuration key {key} is not in {REFERENCE}"


def check(root):
    root = pathlib.Path(root)
    for path in sorted(root.rglob("*.md")):
        relative = path.relative_to(root)
        if not {"build", ".git"} & set(relative.parts):
            yield from check_links(root, relative)
    if (root / REFERENCE).exists():
        sources = [(p, source.read(root, p)) for p in source.cpp_files(root, "lib/config")]
        if sources and not set().union(*(configuration_keys(text) for _, text in sources)):
            yield "lib/config: no configuration key recognised: KEY_CALL in tests/lint/docs.py no longer fits"
        yield from check_keys((root / REFERENCE).read_text(encoding="utf-8"), sources)


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "b.md").write_text("# The `b` page, really\n")
        (root / "a.md").write_text(
            "# A\n[one](b.md) [two](b.md#the-b-page-really) [three](https://x/y) [four](#a)\n```\n[no](nowhere)\n```\n"
            "[bad](c.md)\n![bad](img/x.png)\n[bad](b.md#none)\n"
        )
        found = list(check_links(root, pathlib.Path("a.md")))
        if [line.split(":")[1] for line in found] != ["6", "7", "8"]:
            yield f"links: {found}"
    sources = [("a.cpp", 's.time("interval", x); s.time("poll_interval", y); // s.take("old")\n')]
    found = list(check_keys("`poll_interval` is how often", sources))
    if len(found) != 1 or "key interval " not in found[0]:
        yield f"keys: {found}"


if __name__ == "__main__":
    source.finish("docs", self_test, check)
