#!/usr/bin/env bash
# Follows every link of the Markdown to a file, and to a heading where the link names one, as GitHub does. Links to other hosts
# are only counted. Fails if one leads nowhere. The links of the site are checked by its own build and check.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 - <<'PYTHON'
import html.parser, pathlib, re, sys, urllib.parse

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names = set()
        text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
        self.feed(text)
        self.links = re.findall(r"\]\(([^)\s]+)\)", text)
        for heading in re.findall(r"^#+ (.*)$", text, flags=re.M):
            self.names.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))

    def handle_starttag(self, tag, attributes):
        self.names.update(value for name, value in attributes if name == "id")

root = pathlib.Path(".")
pages = {path.resolve(): Page(path.read_text()) for path in [*root.glob("*.md"), *root.glob("src/site/markdown/**/*.md")]}
inside = outside = 0
broken = []
for path, page in pages.items():
    for link in page.links:
        url = urllib.parse.urlsplit(link)
        # The badge of the build: relative to the repository on GitHub, wherever that is.
        if url.scheme or url.netloc or link.startswith("../../actions/"):
            outside += 1
            continue
        inside += 1
        target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
        if not target.exists():
            broken.append(f"{path.relative_to(root.resolve())}: {link}: no such file")
        elif url.fragment and target in pages and urllib.parse.unquote(url.fragment) not in pages[target].names:
            broken.append(f"{path.relative_to(root.resolve())}: {link}: no such heading")
print("\n".join(broken + [f"{len(pages)} pages, {inside} links within, {outside} elsewhere, {len(broken)} broken."]))
sys.exit(bool(broken))
PYTHON
